"""Models for few examples of each class.

- fitted_classifier: a backbone with a last layer whose weights were fitted on its features.
"""
