"""Backbones, heads, classifiers and label-free methods, all plain Keras models."""
