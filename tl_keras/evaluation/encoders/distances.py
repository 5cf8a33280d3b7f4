"""Distances between many vectors, block by block in bounded memory."""

from collections.abc import Iterator

import numpy as np

_BLOCK = 1024


def row_blocks(count: int, size: int = _BLOCK) -> Iterator[slice]:
    """Yields slices that cut 0 to `count` into blocks of `size` rows."""
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def squared_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Returns squared Euclidean distances (n, m) between the rows of `a` and of `b`.

    They are computed as |a|^2 - 2ab + |b|^2 with one matrix product. Negative rounding errors
    become 0.

    Args:
        a, b: float (n, d) and (m, d).
    """
    products = a @ b.T
    norms = np.square(a).sum(1)[:, None] + np.square(b).sum(1)
    return np.maximum(norms - 2 * products, 0)


def nearest_images(samples: np.ndarray, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Finds the nearest of `images` to each sample by an exact search.

    A sample at distance 0 is a copy. The distances of held-out real images show which distances are
    near.

    Args:
        samples: (n, h, w, c) or (n, h, w), 0-255.
        images: (m, h, w, c) or (m, h, w) of the same size.

    Returns:
        (int64 (n,) rows of `images`, float64 (n,) distances). A distance is the root of the mean
        squared difference of pixels, 0-255.
    """
    rows = [_flat(x) for x in (samples, images)]
    nearest = np.empty(len(samples), np.int64)
    for block in row_blocks(len(samples)):
        best = np.full(block.stop - block.start, np.inf, np.float32)
        for others in row_blocks(len(images), 8 * _BLOCK):
            distances = squared_distances(rows[0](block), rows[1](others))
            column = distances.argmin(1)
            least = distances[np.arange(len(column)), column]
            better = least < best
            best[better] = least[better]
            nearest[block][better] = column[better] + others.start
    return nearest, _pixel_distances(samples, np.asarray(images)[nearest])


def _flat(images):
    """Returns a function from a slice of rows to float32 rows of pixels -0.5 to 0.5."""
    images = np.asarray(images)
    return lambda rows: (
        images[rows].reshape(rows.stop - rows.start, -1).astype(np.float32) / 255.0 - 0.5
    )


def _pixel_distances(a, b):
    a, b = (np.asarray(x, np.float64).reshape(len(x), -1) for x in (a, b))
    return np.sqrt(np.square(a - b).mean(1))
