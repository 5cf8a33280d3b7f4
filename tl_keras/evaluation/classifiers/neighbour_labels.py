"""Class probabilities of an image from the labels of its nearest others."""

import numpy as np

from tl_keras.evaluation.encoders.feature_space import Neighbours

_TEMPERATURE = 0.07  # of cosine similarities, as in `knn_probe`
_DOUBT = 0.1  # share of the probability that all classes have alike


def neighbour_probabilities(
    neighbours: Neighbours, labels: np.ndarray, num_classes: int, groups: np.ndarray | None = None
) -> np.ndarray:
    """Returns the weighted share of each class among the nearest others, float64 (n, num_classes).

    The weight is exp(s / 0.07), with s the cosine similarity. An image has no vote on itself.

    Args:
        neighbours: `Neighbours` among rows of length 1, of which the mean may be taken off.
        labels: ints (n,).
        num_classes: int.
        groups: ints (n,); copies of an image have no vote on it either. NaN where no other is left.
    """
    weights = np.exp(-np.square(neighbours.distances.astype(np.float64)) / (2 * _TEMPERATURE))
    if groups is not None:
        weights = weights * (groups[neighbours.rows] != groups[:, None])
    shares = np.zeros((len(labels), num_classes))
    np.add.at(shares, (np.arange(len(labels))[:, None], labels[neighbours.rows]), weights)
    total = shares.sum(axis=1, keepdims=True)
    shares = np.divide(shares, total, where=total > 0, out=np.full_like(shares, np.nan))
    return (1 - _DOUBT) * shares + _DOUBT / num_classes


def with_neighbours(probabilities: np.ndarray, near: np.ndarray, share: float = 0.3) -> np.ndarray:
    """Returns the mean of two classifiers' probabilities; that of one where the other has NaN.

    Wrong labels are found better by both: a logistic regression bends towards them, neighbours
    forget them. The share of the neighbours was chosen on the tasks of docs/check.md, and matters
    little from 0.2 to 0.5.
    """
    mixed = (1 - share) * probabilities + share * near
    return np.where(np.isnan(near), probabilities, np.where(np.isnan(probabilities), near, mixed))
