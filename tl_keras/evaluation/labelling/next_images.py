"""Choice of the images whose labels would tell most about the others."""

import numpy as np

_NOISE = 0.1  # variance of a label's noise, for prior variance 1 along every direction


def most_telling(
    rows: np.ndarray,
    labelled: np.ndarray,
    count: int,
    *,
    weights: np.ndarray | None = None,
    left_out: np.ndarray | None = None,
) -> list[int]:
    """Chooses images one after another, each so that the variance over all images falls most.

    Labels are seen as a linear function of the features with a normal prior and normal noise. S is
    the covariance after the images labelled so far, and z' S z the variance of an image z. The
    label of x takes (x' S z)^2 / (noise + x' S x) off it. Without weights, typical and different
    images come first. With the uncertainty of each image as its weight, they come from where the
    classifier is unsure.

    Args:
        rows: float (n, d), of length 1 or so.
        labelled: ints (m,), rows with a label.
        count: int, images to choose.
        weights: float (n,), at least 0. None for 1 each.
        left_out: ints, rows that are not chosen. Labelled ones never are.

    Returns:
        At most `count` rows, the most telling first.

    Reference:
        Yu, Bi and Tresp 2006, "Active learning via transductive experimental design"; here with
        weights, chosen greedily.
    """
    free = np.ones(len(rows), bool)
    free[labelled] = False
    if left_out is not None:
        free[left_out] = False
    weights = np.ones(len(rows)) if weights is None else weights
    spread = (rows * weights[:, None]).T @ rows
    covariance = np.eye(rows.shape[1])
    for row in labelled:
        covariance = _after(covariance, rows[row])
    chosen = []
    for _ in range(min(count, int(free.sum()))):
        seen = rows @ covariance
        variance = np.einsum("nd,nd->n", seen, rows)
        told = weights * np.einsum("nd,nd->n", seen @ spread, seen) / (_NOISE + variance)
        row = int(np.where(free, told, -1.0).argmax())
        chosen.append(row)
        free[row] = False
        covariance = _after(covariance, rows[row])
    return chosen


def _after(covariance, row):
    """Covariance once the label of a row is known."""
    seen = covariance @ row
    return covariance - np.outer(seen, seen) / (_NOISE + row @ seen)
