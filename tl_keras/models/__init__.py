"""Backbones, heads and classifiers: everything here gives plain Keras models."""
