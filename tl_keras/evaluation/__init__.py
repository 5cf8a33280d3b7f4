"""Evaluation: named numbers from predictions and labels."""
