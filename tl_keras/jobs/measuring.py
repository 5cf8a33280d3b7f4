"""Figures of a classifier on labelled images."""

import numpy as np

from tl_keras.evaluation.classification import evaluate_predictions
from tl_keras.evaluation.prediction import predict_probabilities
from tl_keras.models.signature import picture_shape


def measure(model, *datasets, batch_size=32, flips=False):
    """Returns (probabilities (n, c), named figures) of `model` on labelled datasets together.

    `flips`: see `predict_probabilities`.
    """
    *image_size, channels = picture_shape(model)
    how = {"image_size": image_size, "channels": channels}
    probabilities = np.concatenate(
        [
            predict_probabilities(model, dataset.pipeline(batch_size, **how), flips=flips)
            for dataset in datasets
        ]
    )
    labels = np.concatenate([dataset.labels for dataset in datasets])
    return probabilities, evaluate_predictions(probabilities, labels, datasets[0].class_names)


def headline(figures):
    """The figures of `measure` that stand for all."""
    names = ("accuracy", "loss", "macro_f1", "expected_calibration_error")
    return {name: figures[name] for name in names}
