"""Classifiers from a few labelled images.

- rules: nearest prototype, ridge, logistic regression and nearest neighbour as scores of classes.
- support_classifier: one of them, fitted on a support set, with calibrated probabilities.
"""
