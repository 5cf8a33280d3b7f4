"""Normalised features: directions, neighbours and close pairs."""

import dataclasses

import numpy as np

from tl_keras.evaluation.encoders import approximate_neighbours
from tl_keras.evaluation.encoders.clusters import check_features
from tl_keras.evaluation.encoders.distances import row_blocks
from tl_keras.evaluation.encoders.probes import unit_rows

COMPONENTS = 50
SAME_RATIO = 0.5
_FITTED = 5000  # images used to fit PCA
_BLOCK = 512
_ROUNDING = 1e-6


def directions(features: np.ndarray) -> np.ndarray:
    """Returns features in which distances measure the similarity of images.

    Each row is scaled to length 1. The length of features follows contrast and amount of detail,
    their direction follows the content. The mean is subtracted, which changes no distance. All
    directions are kept: in the main directions alone, an outlier would lie in the centre, because
    other directions distinguish it. For clusters `main_directions` suffices.

    Args:
        features: float (n, d), from `extract_features`.

    Returns:
        float32 (n, d).

    Raises:
        InputError: features are not (n, d) and finite.
    """
    rows = unit_rows(check_features(features))
    return rows - rows.mean(0)


def main_directions(space: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """Returns the 50 main directions of `directions`, sufficient and faster for finding clusters.

    They are not whitened. Whitening would weigh the last like the first and dissolve clusters.

    Args:
        space: float (n, d), from `directions`.
        seed: int, seed of the choice of 5,000 rows used to fit PCA, and of its solver.

    Returns:
        float32 (n, min(50, d, n)); (n, 1) of zeros if all rows are equal.
    """
    from sklearn.decomposition import PCA

    fitted = space[np.random.default_rng(seed).permutation(len(space))[:_FITTED]]
    if np.abs(fitted).max() < _ROUNDING:
        return np.zeros((len(space), 1), np.float32)  # PCA would return NaN
    return PCA(min(COMPONENTS, *fitted.shape), random_state=seed).fit(fitted).transform(space)


@dataclasses.dataclass(frozen=True)
class Neighbours:
    """Nearest neighbours of each row.

    Attributes:
        rows: int64 (n, k), the nearest first.
        distances: float32 (n, k).
        found: share of the true nearest rows that was found; 1 if all rows were compared.
    """

    rows: np.ndarray
    distances: np.ndarray
    found: float = 1.0

    @property
    def loneliness(self) -> np.ndarray:
        """Mean distance to the neighbours divided by the median, float (n,); 1 is typical."""
        means = self.distances.mean(1)
        return means / max(float(np.median(means)), 1e-12)


def find_neighbours(space: np.ndarray, *, k: int = 10, seed: int = 0) -> Neighbours:
    """Finds the k nearest others of each row.

    Up to `EXACT_UP_TO` rows, all pairs are compared in blocks. Beyond, an index finds nearly all of
    them, see `approximate_neighbours`.

    Args:
        space: float (n, d), n at least 2.
        k: int; all others if there are fewer. Defaults to 10.
        seed: int, seed of the index.

    Returns:
        `Neighbours`.

    Raises:
        InputError: the number of rows requires the index, and its library is missing.
    """
    k, found = min(k, len(space) - 1), 1.0
    if len(space) > approximate_neighbours.EXACT_UP_TO:
        rows, found = approximate_neighbours.approximate_neighbours(space, k, seed=seed)
    else:
        rows = approximate_neighbours.exact_neighbours(np.asarray(space, np.float32), k)
    distances = np.empty((len(space), k), np.float32)
    for block in row_blocks(len(space), _BLOCK):
        # Rounding of |a|^2 - 2ab + |b|^2 is too coarse for rows that are nearly equal.
        differences = space[block][:, None] - space[rows[block]]
        distances[block] = np.sqrt(np.square(differences).sum(2))
    order = np.argsort(distances, axis=1, kind="stable")
    rows, distances = (np.take_along_axis(x, order, 1) for x in (rows, distances))
    return Neighbours(rows, distances, found)


def close_pairs(
    neighbours: Neighbours, *, ratio: float = SAME_RATIO
) -> list[tuple[int, int, float]]:
    """Returns pairs of rows that are much nearer to each other than typical neighbours.

    Args:
        neighbours: `Neighbours`.
        ratio: float, the largest distance divided by the median distance to the nearest other.
            Defaults to 0.5. With MobileNetV2, recompressed, shrunk, brightened or mirrored
            photographs lie at 0.2 to 0.5. Those cropped by a tenth lie at 0.4 to 0.6, different
            photographs above 0.8.

    Returns:
        List of (row, row, distance divided by that median), the smaller row first in a pair, the
        nearest pair first.
    """
    nearest = neighbours.distances[:, 0]
    usual = max(float(np.median(nearest)), 1e-12)
    found = {}
    for row in np.flatnonzero(nearest <= ratio * usual):
        close = neighbours.distances[row] <= ratio * usual
        for other, distance in zip(
            neighbours.rows[row][close], neighbours.distances[row][close], strict=True
        ):
            pair = (int(min(row, other)), int(max(row, other)))
            found[pair] = float(distance) / usual
    return sorted(((*pair, share) for pair, share in found.items()), key=lambda p: (p[2], p[:2]))
