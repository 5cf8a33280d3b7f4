"""Intervals and comparisons.

- comparison: from the runs of a comparison to means, paired differences and whom to compare with
  whom
- intervals: confidence intervals of means, of accuracies and of their differences on the same
  images
"""
