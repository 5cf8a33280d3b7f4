"""Nearest image by the modified Hausdorff distance of the ink, the baseline of Omniglot."""

from typing import Any

import numpy as np

_DARK = 128  # pixels below are ink


class NearestInk:
    """Gives a query the label of the support image with the least modified Hausdorff distance.

    An image is the set of its dark pixels, centred on their mean.

    Example:
        NearestInk().fit_support(support, labels).predict(queries)

    Reference:
        Dubuisson and Jain 1994; the baseline of Lake, Salakhutdinov, Tenenbaum 2015.
    """

    def fit_support(self, images: Any, labels: Any) -> "NearestInk":
        """Keeps the ink of images (n, h, w) or (n, h, w, c), dark on white, and labels (n,)."""
        self._support = [ink_points(image) for image in images]
        self._labels = np.asarray(labels)
        return self

    def predict(self, queries: Any) -> np.ndarray:
        """Returns the label of each query (m,)."""
        inks = [ink_points(query) for query in queries]
        distances = [[hausdorff(ink, shown) for shown in self._support] for ink in inks]
        return self._labels[np.argmin(distances, axis=1)]


def ink_points(image: np.ndarray) -> np.ndarray:
    """Returns the dark pixels of an image, float32 (n, 2), centred on their mean.

    An image without ink is one point.
    """
    gray = image if image.ndim == 2 else image.mean(axis=-1)
    points = np.argwhere(gray < _DARK).astype(np.float32)
    return points - points.mean(axis=0) if len(points) else np.zeros((1, 2), np.float32)


def hausdorff(first: np.ndarray, second: np.ndarray) -> float:
    """Returns the modified Hausdorff distance of two sets of points (n, 2) and (m, 2).

    It is the larger of the two means of the distance from a point to the nearest of the other set.
    """
    squares = (first**2).sum(1)[:, None] + (second**2).sum(1) - 2 * first @ second.T
    distances = np.sqrt(np.maximum(squares, 0))
    return float(max(distances.min(axis=0).mean(), distances.min(axis=1).mean()))
