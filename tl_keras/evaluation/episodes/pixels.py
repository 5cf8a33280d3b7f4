"""Nearest image by pixels: the weakest baseline of recognition from a few examples."""

from typing import Any

import numpy as np


class NearestPixels:
    """Gives a query the label of the support image with the least squared difference of pixels.

    Example:
        NearestPixels().fit_support(support, labels).predict(queries)
    """

    def fit_support(self, images: Any, labels: Any) -> "NearestPixels":
        """Keeps images or features (n, ...) and their labels (n,)."""
        self._support, self._labels = _rows(images), np.asarray(labels)
        return self

    def predict(self, queries: Any) -> np.ndarray:
        """Returns the label of each query (m,)."""
        queries = _rows(queries)
        distances = (self._support**2).sum(1) - 2 * queries @ self._support.T
        return self._labels[distances.argmin(axis=1)]


def _rows(images):
    return np.asarray(images, np.float32).reshape(len(images), -1)
