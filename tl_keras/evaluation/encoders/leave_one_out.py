"""Fast probes of one small labelled dataset by leave-one-out, for curves."""

from collections.abc import Iterator, Sequence

import numpy as np

from tl_keras.evaluation.encoders.probes import NEIGHBOURS, TEMPERATURE, unit_rows, vote

PENALTIES = (1e-3, 1e-2, 1e-1, 1.0, 10.0)  # multiplied by the number of images


def knn_left_out(
    features: np.ndarray,
    labels: np.ndarray,
    *,
    k: int = NEIGHBOURS,
    temperature: float = TEMPERATURE,
    groups: np.ndarray | None = None,
) -> float:
    """Returns the share of images whose class their nearest neighbours predict, as in `knn_probe`.

    Args:
        features: float (n, d), n at least 2.
        labels: ints (n,).
        k: int; all others if there are fewer.
        temperature: float.
        groups: ints (n,); no image is asked for an image of its group. Default None: each its own.

    Returns:
        float, 0-1; NaN with a single group.
    """
    rows = unit_rows(features)
    groups = np.arange(len(rows)) if groups is None else groups
    if (groups == groups[0]).all():
        return float("nan")
    k = min(k, len(rows) - 1)
    found = vote(rows, labels, rows, k=k, temperature=temperature, groups=groups)
    return float(np.mean(found == labels))


def ridge_left_out(features: np.ndarray, labels: np.ndarray) -> float:
    """Returns the leave-one-out accuracy of a linear classifier.

    The classifier is least squares to one-hot labels on standardised features. The weights are
    penalised, the offset is not. The prediction for a row that is left out has a closed form,

        y - (y - y_fit) / (1 - h),    h: leverage of the row in its own fit,

    so one decomposition yields all of them. The penalty is the one of `PENALTIES` with the smallest
    leave-one-out squared error, which makes the accuracy slightly optimistic. Use it for curves;
    reported results come from `linear_probe` and a test set.

    Args:
        features: float (n, d), n at least 2.
        labels: ints (n,).

    Returns:
        float, 0-1.

    Reference:
        Hastie, Tibshirani and Friedman 2009, "The elements of statistical learning", 7.10.
    """
    classes, numbers = np.unique(labels, return_inverse=True)
    targets = np.eye(len(classes))[numbers]
    answers = left_out_answers(features, targets, PENALTIES)
    best = min(answers, key=lambda answer: np.square(answer - targets).sum())
    return float(np.mean(best.argmax(1) == numbers))


def left_out_answers(
    features: np.ndarray, targets: np.ndarray, penalties: Sequence[float]
) -> Iterator[np.ndarray]:
    """Yields for each penalty the leave-one-out predictions of ridge regression.

    Args:
        features: float (n, d).
        targets: float (n, c).
        penalties: floats, each times n on standardised features.

    Yields:
        float64 (n, c).
    """
    x = np.asarray(features, np.float64)
    deviation = x.std(0)
    x = (x - x.mean(0)) / np.where(deviation > 0, deviation, 1.0)
    mean = targets.mean(0)
    left, values, _ = np.linalg.svd(x, full_matrices=False)
    for penalty in penalties:
        shrunk = left * (values**2 / (values**2 + penalty * len(x)))
        fitted = mean + shrunk @ (left.T @ (targets - mean))
        own = 1 / len(x) + (shrunk * left).sum(1, keepdims=True)
        yield targets - (targets - fitted) / np.maximum(1 - own, 1e-12)
