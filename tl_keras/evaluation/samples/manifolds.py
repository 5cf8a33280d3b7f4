"""Precision and recall of generated images."""

import numpy as np

from tl_keras.checks import check_number
from tl_keras.evaluation.encoders.distances import row_blocks, squared_distances
from tl_keras.evaluation.samples.frechet import check_features


def precision_and_recall(
    features: np.ndarray, reference: np.ndarray, k: int = 3
) -> tuple[float, float]:
    """Compares samples with real images by the manifolds of their k nearest neighbours.

    The manifold of a set is the union of balls around its members. The radius of a ball is the
    distance to the k-th nearest other member. Precision is the share of samples inside the manifold
    of the real images, and recall the share of real images inside that of the samples.

    Args:
        features: (n, d), features of samples, n > k.
        reference: (m, d), features of real images, m > k. The published protocol has n = m.
        k: int, at least 1. Defaults to 3.

    Returns:
        (precision, recall), floats 0-1.

    Raises:
        InputError: k is out of range, or there are too few rows.

    Reference:
        Kynkäänniemi et al. 2019, arXiv 1904.06991.
    """
    check_number("k", k, minimum=1, integer=True)
    check_features(features, reference, least=k + 1)
    centre = np.asarray(reference, np.float64).mean(0)  # less cancellation
    features, reference = (np.asarray(x, np.float64) - centre for x in (features, reference))
    return _inside(features, reference, k), _inside(reference, features, k)


def _inside(points, members, k):
    """Returns the share of `points` in a ball of one of `members`."""
    radii = _squared_radii(members, k)
    inside = [
        (squared_distances(points[rows], members) <= radii).any(1)
        for rows in row_blocks(len(points))
    ]
    return float(np.concatenate(inside).mean())


def _squared_radii(members, k):
    radii = np.empty(len(members))
    for rows in row_blocks(len(members)):
        distances = squared_distances(members[rows], members)
        distances[np.arange(len(distances)), np.arange(rows.start, rows.stop)] = np.inf  # itself
        radii[rows] = np.partition(distances, k - 1, axis=1)[:, k - 1]
    return radii
