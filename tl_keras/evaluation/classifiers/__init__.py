"""Predictions of classifiers and how good they are.

- calibration: calibration: of the answers given with 80% confidence, are 80% right?
- classification: how good and how honest the probabilities of a classifier are
- feature_prediction: class probabilities from the kept output of a classifier's frozen part
- prediction: class probabilities from a classifier
- prediction_checks: checked predictions: probabilities that are probabilities, labels that fit them
"""
