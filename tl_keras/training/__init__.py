"""Training: freezing, the feature cache, fine-tuning and checkpoints."""
