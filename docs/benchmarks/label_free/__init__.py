"""Models that learn without labels: likelihood, samples and speed."""
