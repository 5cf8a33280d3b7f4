"""Few labels of a class, or none: pseudo-labels, few-shot, episodes and zero-shot."""
