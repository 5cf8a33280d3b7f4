"""Predictions of classifiers and their metrics.

- answers: answers of a model for labelled images, and how many are wrong
- calibration: agreement of confidence and accuracy
- classification: accuracy, loss and other metrics of predicted probabilities
- feature_prediction: class probabilities from stored output of a classifier's frozen part
- grad_cam: heatmaps of the parts of an image that speak for a class
- neighbour_labels: class probabilities of an image from the labels of its nearest others
- prediction: class probabilities from a classifier
- prediction_checks: checks that probabilities and labels are valid and fit each other
- suspect_labels: labels that are probably wrong, from probabilities of held-out images
- selective_error: threshold of confidence above which a promised error rate holds
"""
