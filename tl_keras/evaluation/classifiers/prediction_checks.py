"""Checks that probabilities and labels are valid and fit each other."""

import numpy as np

from tl_keras.checks import InputError

_SUM_TOLERANCE = 1e-2  # softmax in float16 deviates by less, logits by far more


def check_predictions(
    probabilities: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns float64 (n, num_classes) and int64 (n,) if predictions and labels are valid.

    Args:
        probabilities: array-like (n, num_classes), each row finite, 0-1 and of sum one.
        labels: integer array-like (n,), 0 to num_classes - 1.

    Raises:
        InputError: probabilities or labels are invalid.
    """
    probabilities, labels = np.asarray(probabilities), np.asarray(labels)
    _check_shapes(probabilities, labels)
    _check_labels(labels, probabilities.shape[1])
    probabilities = probabilities.astype(np.float64)
    _check_distributions(probabilities)
    return probabilities, labels.astype(np.int64)


def confidence_and_correctness(
    probabilities: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the largest probability of each row, float (n,), and its correctness, bool (n,).

    Args:
        probabilities: float (n, num_classes).
        labels: integers (n,).
    """
    return probabilities.max(axis=1), probabilities.argmax(axis=1) == labels


def _check_shapes(probabilities, labels):
    if probabilities.ndim != 2 or 0 in probabilities.shape:
        raise InputError(
            "Expected probabilities of shape (examples, classes), at least one of each; received "
            f"shape {probabilities.shape}."
        )
    if labels.shape != probabilities.shape[:1]:
        raise InputError(
            f"Expected one label for each of the {len(probabilities)} rows of probabilities; "
            f"received labels of shape {labels.shape}. Pass class numbers, not one-hot rows."
        )


def _check_labels(labels, num_classes):
    if not np.issubdtype(labels.dtype, np.integer):
        raise InputError(f"Expected labels to be integers; received dtype {labels.dtype}.")
    if labels.min() < 0 or labels.max() >= num_classes:
        raise InputError(
            f"Expected labels from 0 to {num_classes - 1}, one for each column of probabilities; "
            f"received labels from {labels.min()} to {labels.max()}."
        )


def _check_distributions(probabilities):
    finite = np.isfinite(probabilities).all(axis=1)
    if not finite.all():
        raise InputError(
            "Expected finite probabilities; received NaN or infinity in "
            f"{np.count_nonzero(~finite)} of {len(finite)} rows, first in row "
            f"{np.flatnonzero(~finite)[0]}. Has the training diverged? Try a smaller learning rate."
        )
    sums = probabilities.sum(axis=1)
    wrong = (np.abs(sums - 1) > _SUM_TOLERANCE) | (probabilities < -_SUM_TOLERANCE).any(axis=1)
    if wrong.any():
        row = np.flatnonzero(wrong)[0]
        raise InputError(
            "Expected every row of probabilities to be 0 or more and to sum to one; received sum "
            f"{sums[row]:.4g} and minimum {probabilities[row].min():.4g} in row {row}. If these "
            "are logits, apply keras.ops.softmax first."
        )
