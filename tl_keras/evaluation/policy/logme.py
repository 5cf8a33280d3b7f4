"""Evidence for linear models of the labels, a score of frozen features."""

import numpy as np

_STEPS = 30
_CLOSE = 1e-4  # relative change of alpha / beta that ends the search


def logme(features: np.ndarray, labels: np.ndarray) -> float:
    """Returns the LogME score of features: higher where a linear model explains the labels better.

    For the one-hot column y of each class, y ~ N(F w, 1 / beta) with w ~ N(0, 1 / alpha). The score
    is the log evidence of y for each image, at the alpha and beta that maximise it by fixed-point
    steps, and its mean over the classes.

    Args:
        features: float (n, d).
        labels: ints (n,).

    Returns:
        float.

    Reference:
        You et al. 2021, "LogME: practical assessment of pre-trained models for transfer learning"
        (arXiv:2102.11005).
    """
    features = np.asarray(features, np.float64)
    values, directions = _spectrum(features)
    classes = np.unique(labels)
    return float(np.mean([
        _evidence(values, directions, (labels == each).astype(np.float64), features.shape[1])
        for each in classes
    ]))  # fmt: skip


def _spectrum(features):
    """Squared singular values (r,) and left singular vectors (n, r) of (n, d)."""
    n, d = features.shape
    if n <= d:
        values, left = np.linalg.eigh(features @ features.T)
        kept = values > 1e-10 * values[-1]
        return values[kept], left[:, kept]
    values, right = np.linalg.eigh(features.T @ features)
    kept = values > 1e-10 * values[-1]
    return values[kept], features @ (right[:, kept] / np.sqrt(values[kept]))


def _evidence(values, directions, y, dimensions):
    """Largest log evidence of one column, divided by the number of images."""
    n = len(y)
    along = np.square(directions.T @ y)  # squared length of y in each direction
    outside = max(float(y @ y - along.sum()), 0.0)
    alpha = beta = 1.0
    for _ in range(_STEPS):
        alpha, beta, before = *_step(values, along, outside, alpha, beta, n), alpha / beta
        if abs(alpha / beta - before) <= _CLOSE * before:
            break
    return log_evidence(values, along, outside, alpha, beta, n, dimensions) / n


def _moments(values, along, outside, ratio):
    """(squared length of the mean weights, squared residual) at a ratio alpha / beta."""
    weights = float((values * along / np.square(ratio + values)).sum())
    residual = float((along * np.square(ratio / (ratio + values))).sum()) + outside
    return weights, residual


def _step(values, along, outside, alpha, beta, n):
    gamma = float((values / (alpha / beta + values)).sum())  # directions that the labels decide
    weights, residual = _moments(values, along, outside, alpha / beta)
    return gamma / max(weights, 1e-12), max(n - gamma, 1e-6) / max(residual, 1e-12)


def log_evidence(
    values: np.ndarray,
    along: np.ndarray,
    outside: float,
    alpha: float,
    beta: float,
    n: int,
    dimensions: int,
) -> float:
    """Returns the log evidence, the log density of y under N(0, 1 / beta + F F' / alpha).

    Args:
        values: squared singular values of the features (r,).
        along: squared length of y in each direction (r,).
        outside: squared length of y outside of them.
        alpha, beta: precision of the weights and of the noise.
        n, dimensions: number of images and of features.
    """
    weights, residual = _moments(values, along, outside, alpha / beta)
    determinant = np.log(alpha + beta * values).sum() + (dimensions - len(values)) * np.log(alpha)
    return 0.5 * (
        n * np.log(beta / (2 * np.pi))
        + dimensions * np.log(alpha)
        - determinant
        - beta * residual
        - alpha * weights
    )
