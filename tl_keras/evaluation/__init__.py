"""Evaluation: metrics by name from predictions, features and samples."""
