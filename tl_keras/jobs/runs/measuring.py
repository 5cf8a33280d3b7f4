"""Figures of a classifier on labelled images."""

import itertools

import keras
import numpy as np

from tl_keras.data.dataset import ImageDataset
from tl_keras.evaluation.classifiers.classification import evaluate_predictions
from tl_keras.evaluation.classifiers.prediction import predict_views
from tl_keras.models.signature import image_shape


def measure(
    model: keras.Model, *datasets: ImageDataset, batch_size: int = 32, flips: bool = False
) -> tuple[np.ndarray, dict]:
    """Returns (probabilities (n, c), named figures) of `model` on labelled datasets together.

    `flips`: see `predict_probabilities`.
    """
    probabilities = views_of(model, *datasets, batch_size=batch_size, flips=flips).mean(axis=0)
    labels = np.concatenate([dataset.labels for dataset in datasets])
    return probabilities, evaluate_predictions(probabilities, labels, datasets[0].class_names)


def views_of(
    model: keras.Model, *datasets: ImageDataset, batch_size: int = 32, flips: bool = False
) -> np.ndarray:
    """Returns the probabilities of each view of the images of datasets, see `predict_views`."""
    *image_size, channels = image_shape(model)
    parts = [
        dataset.pipeline(batch_size, image_size=image_size, channels=channels)
        for dataset in datasets
    ]
    total = sum(map(len, parts))
    return predict_views(model, itertools.chain(*parts), total, flips=flips)


def main_figures(figures: dict) -> dict:
    """Returns those of the figures of `measure` that files and lines show."""
    errors = ("expected_calibration_error", "calibration_error_by_chance")
    return {name: figures[name] for name in ("accuracy", "loss", "macro_f1", *errors)}
