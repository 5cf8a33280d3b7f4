"""Temperature that calibrates probabilities, folded into the last layer."""

from collections.abc import Callable

import keras
import numpy as np

from tl_keras.training.fine_tuning.linear_start import last_dense

_LIMIT = np.log(10)  # of the logarithm of a temperature, either way
_PRIOR = 0.5  # standard deviation of that logarithm before an image is seen
_TINY = 1e-12


def fit_temperature(
    probabilities: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None
) -> float:
    """Returns the temperature T with which probabilities fit labels best.

    Over n images with v views each, p of view j becomes softmax(log(p) / T); the mean over views is
    scored by its log loss. A normal prior on log T with mean 0 holds T near 1 where images are few:
    of ten images that are all right the best T alone is 0.

    Args:
        probabilities: float (views, n, num_classes).
        labels: ints (n,).
        weights: float (n,) of the images, 1 in the mean; None for 1 each, which is right where
            probabilities are to fit the data as they are.

    Returns:
        float, 0.1 to 10; 1 without images.

    Reference:
        Guo, Pleiss, Sun and Weinberger 2017, "On calibration of modern neural networks",
        arXiv:1706.04599, without the prior.
    """
    return best_temperature(
        lambda temperature: tempered_losses(probabilities, labels, temperature), weights
    )


def best_temperature(
    losses_at: Callable[[float], np.ndarray], weights: np.ndarray | None = None
) -> float:
    """Returns the temperature of the lowest loss, with the prior of `fit_temperature`.

    Args:
        losses_at: function from a temperature to the losses (n,) of images there.
        weights: see `fit_temperature`.
    """
    from scipy.optimize import minimize_scalar

    def penalised(log_t):
        losses = losses_at(np.exp(log_t))
        loss = np.average(losses, weights=weights) * len(losses)
        return loss + log_t**2 / (2 * _PRIOR**2)

    if not len(losses_at(1.0)):
        return 1.0
    return float(np.exp(minimize_scalar(penalised, bounds=(-_LIMIT, _LIMIT), method="bounded").x))


def tempered(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Returns the mean over views at a temperature, float64 (n, num_classes)."""
    logits = np.log(np.maximum(np.asarray(probabilities, np.float64), _TINY)) / temperature
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return (powers / powers.sum(axis=-1, keepdims=True)).mean(axis=0)


def tempered_losses(
    probabilities: np.ndarray, labels: np.ndarray, temperature: float
) -> np.ndarray:
    """Returns the negative log likelihood of each image at a temperature, (n,)."""
    return log_losses(tempered(probabilities, temperature), labels)


def log_losses(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Returns the negative log likelihood (n,) of images with probabilities (n, num_classes)."""
    right = probabilities[np.arange(len(labels)), labels]
    return -np.log(np.maximum(right, _TINY))


def fold_temperature(model: keras.Model, temperature: float) -> None:
    """Divides the logits of `model` by `temperature`, within its last Dense layer.

    No layer is added, so the model is loaded and exported as before.

    Args:
        model: classifier whose last layer is Dense with softmax or no activation.
    """
    layer = last_dense(model)
    layer.set_weights([weight / temperature for weight in layer.get_weights()])
