"""Temperature that calibrates probabilities, folded into the last layer."""

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
    from scipy.optimize import minimize_scalar

    if not len(labels):
        return 1.0

    def penalised(log_t):
        losses = tempered_losses(probabilities, labels, np.exp(log_t))
        loss = np.average(losses, weights=weights) * len(losses)
        return loss + log_t**2 / (2 * _PRIOR**2)

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
    right = tempered(probabilities, temperature)[np.arange(len(labels)), labels]
    return -np.log(np.maximum(right, _TINY))


def fold_temperature(model: keras.Model, temperature: float) -> None:
    """Divides the logits of `model` by `temperature`, within its last Dense layer.

    No layer is added, so the model is loaded and exported as before.

    Args:
        model: classifier whose last layer is Dense with softmax or no activation.
    """
    layer = last_dense(model)
    layer.set_weights([weight / temperature for weight in layer.get_weights()])
