"""Choice of the images whose labels would tell most about the others."""

import numpy as np

from tl_keras.one_thread import one_thread

_NOISE = 0.3  # variance of a label's noise, for prior variance 1 of each image
_SHARPNESS = 0.5  # of the kernel, over squared distances of rows of length 1
_LANDMARKS = 256
_REFERENCES = 2048  # images that typicality is measured by, and that may be chosen, at most
_NEIGHBOURS = 20
_BLOCK = 1024  # rows at once


def landmark_rows(rows: np.ndarray, seed: int = 0) -> np.ndarray:
    """Returns rows whose products are those of a Gaussian kernel, exp(-|x - z|^2 / 2).

    The kernel is approximated by its values at up to 256 landmarks, the means of clusters.

    Args:
        rows: float (n, d), as from `unit_rows`.
        seed: int, of the clusters.

    Returns:
        float32 (n, m), m at most 256 and half of n.

    Reference:
        Williams and Seeger 2001, "Using the Nyström method to speed up kernel machines".
    """
    from sklearn.cluster import KMeans

    some = rows[_spread(len(rows), 16 * _LANDMARKS, seed)]
    number = max(1, min(_LANDMARKS, len(rows) // 2))
    with one_thread():
        landmarks = KMeans(number, n_init=1, max_iter=10, random_state=seed).fit(some)
        centres = landmarks.cluster_centers_
        values, vectors = np.linalg.eigh(_kernel(centres, centres) + 1e-6 * np.eye(number))
        scaled = vectors / np.sqrt(values)
        parts = [rows[k : k + _BLOCK] for k in range(0, len(rows), _BLOCK)]
        return np.concatenate([_kernel(part, centres) @ scaled for part in parts], dtype=np.float32)


def typicality(rows: np.ndarray, seed: int = 0) -> np.ndarray:
    """Returns 1 / (mean distance to the 20 nearest images)^2 of each image, float32 (n,).

    Of many images the distances are those to as large a share of 2,048 of them.
    """
    references = rows[_spread(len(rows), _REFERENCES, seed)]
    share = len(references) / len(rows)
    nearest = int(np.clip(round(share * _NEIGHBOURS), 1, max(1, len(references) - 1)))
    found = []
    with one_thread():
        for first in range(0, len(rows), _BLOCK):
            squares = _squares(rows[first : first + _BLOCK], references)
            least = np.partition(squares, min(nearest, squares.shape[1] - 1), axis=1)
            found.append(np.sqrt(least[:, : nearest + 1]).sum(axis=1) / nearest)
    return 1 / np.maximum(np.concatenate(found), 1e-3).astype(np.float32) ** 2


def most_telling(
    rows: np.ndarray,
    labelled: np.ndarray,
    count: int,
    *,
    weights: np.ndarray | None = None,
    typical: np.ndarray | None = None,
    left_out: np.ndarray | None = None,
) -> list[int]:
    """Chooses images one after another, each so that the variance over all images falls most.

    Labels are seen as a linear function of the rows with a normal prior and normal noise. S is the
    covariance after the images labelled so far, and z' S z the variance of an image z. The label of
    x takes (x' S z)^2 / (noise + x' S x) off it. Without weights, images that tell about many
    others and differ from each other come first. With the uncertainty of each image as its weight,
    they come from where the classifier is unsure.

    Args:
        rows: float (n, d), as from `landmark_rows`.
        labelled: ints (m,), rows with a label.
        count: int, images to choose.
        weights: float (n,), at least 0. None for 1 each.
        typical: float (n,), factor of each image as the one to choose. None for 1 each.
        left_out: ints, rows that are not chosen. Labelled ones never are.

    Returns:
        At most `count` rows, the most telling first. Of many images only the 2,048 of the largest
        weight times typicality are looked at.

    Reference:
        Yu, Bi and Tresp 2006, "Active learning via transductive experimental design"; here with
        weights, chosen greedily.
    """
    free = np.ones(len(rows), bool)
    free[labelled] = False
    if left_out is not None:
        free[left_out] = False
    weights = np.ones(len(rows), np.float32) if weights is None else weights.astype(np.float32)
    factors = weights if typical is None else weights * typical
    open_rows = np.flatnonzero(free)
    if len(open_rows) > _REFERENCES:
        largest = np.argpartition(-factors[open_rows], _REFERENCES)[:_REFERENCES]
        open_rows = np.sort(open_rows[largest])
    with one_thread():
        return _greedy(rows, labelled, count, weights, factors, open_rows)


def _greedy(rows, labelled, count, weights, factors, open_rows):
    spread = (rows * weights[:, None]).T @ rows
    known, candidates = rows[labelled], rows[open_rows]
    covariance = np.linalg.inv(np.eye(rows.shape[1]) + known.T @ known / _NOISE).astype(rows.dtype)
    chosen, factors = [], factors[open_rows].copy()
    for _ in range(min(count, len(open_rows))):
        seen = candidates @ covariance
        variance = np.einsum("nd,nd->n", seen, candidates)
        told = factors * np.einsum("nd,nd->n", seen @ spread, seen) / (_NOISE + variance)
        best = int(told.argmax())
        chosen.append(int(open_rows[best]))
        factors[best] = -np.inf
        covariance -= np.outer(seen[best], seen[best]) / (_NOISE + variance[best])
    return chosen


def _spread(number, most, seed):
    """All rows, or a random part of them."""
    if number <= most:
        return np.arange(number)
    return np.sort(np.random.default_rng(seed).permutation(number)[:most])


def _kernel(rows, others):
    return np.exp(-_SHARPNESS * _squares(rows, others))


def _squares(rows, others):
    """Squared distances (n, m), at least 0."""
    lengths = np.square(rows).sum(axis=1)[:, None] + np.square(others).sum(axis=1)
    return np.maximum(lengths - 2 * rows @ others.T, 0)
