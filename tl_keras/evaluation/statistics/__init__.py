"""Confidence intervals and comparisons.

- comparison: means, paired differences and pairs of methods from the runs of a comparison
- intervals: confidence intervals of means, accuracies and differences on the same images
"""
