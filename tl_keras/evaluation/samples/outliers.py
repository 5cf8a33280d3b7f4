"""Outlier scores of images from an autoencoder or a VAE."""

import keras
import numpy as np

from tl_keras.checks import InputError, check_choice, check_number
from tl_keras.evaluation.encoders.distances import row_blocks

SCORES = ("auto", "relative", "reconstruction", "bound")
_LEAST_CONTOUR = 0.01  # avoids division by zero for a blank image


def outlier_scores(
    model: keras.Model, images: np.ndarray, *, score: str = "auto", k: int = 16
) -> np.ndarray:
    """Returns a score for each image that is high for images unlike the training images.

    Args:
        model: trained `Autoencoder` or `VAE`.
        images: (n, h, w, c), 0-255, at the input size of the model.
        score: "reconstruction": mean squared error of the reconstruction, for pixels on a scale
                from 0 to 1.
            "relative": this error divided by the amount of contour. Reconstructions are slightly
                blurred, so an image with many strokes has a higher error than one with few.
            "bound": minus the importance-weighted bound on log p(image), in nats; for a VAE. It
                also depends mainly on the amount of contour.
            "auto": "relative".
        k: int, samples per image for "bound". Defaults to 16.

    Returns:
        float64 (n,).

    Raises:
        InputError: the model has no such score.
    """
    check_choice("score", score, SCORES)
    check_number("k", k, minimum=1, integer=True)
    if not hasattr(model, "reconstruction_error"):
        raise InputError(
            "Expected an autoencoder or a VAE, which reconstruct images; received "
            f"{type(model).__name__}."
        )
    if score == "bound":
        if not hasattr(model, "log_likelihood"):
            raise InputError(
                f"Expected a VAE for score='bound'; received {type(model).__name__}, which has no "
                "likelihood. Use score='relative'."
            )
        return -np.asarray(model.log_likelihood(images, k), np.float64)
    errors = np.asarray(model.reconstruction_error(images), np.float64)
    return errors if score == "reconstruction" else errors / (contour(images) + _LEAST_CONTOUR)


def contour(images: np.ndarray) -> np.ndarray:
    """Returns the mean difference between horizontal and vertical neighbour pixels of each image.

    Args:
        images: (n, h, w, c), 0-255.

    Returns:
        float64 (n,), for pixels on a scale from 0 to 1.
    """
    lengths = np.zeros(len(images))
    for rows in row_blocks(len(images)):
        part = np.asarray(images[rows], np.float32) / 255.0
        for axis in (1, 2):
            steps = np.abs(np.diff(part, axis=axis))
            lengths[rows] += steps.sum((1, 2, 3)) / part[0].size
    return lengths
