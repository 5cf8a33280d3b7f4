"""Nearest prototype on the features of an encoder, averaged over augmented copies of each image."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tl_keras.data.dataset import ImageDataset
from tl_keras.data.pipelines.deformations import Deformation, deform_images
from tl_keras.evaluation.encoders.probes import unit_rows
from tl_keras.models.steps.rgb_inputs import fitting_images
from tl_keras.training.few_shot.rules import cosine_prototype

COPIES = 8
WEAKER = Deformation().times(0.7, 0.5)  # than in training
_AT_ONCE = 256  # images


class NearestPrototype:
    """Gives a query the label of the class whose mean of features of length 1 is nearest.

    Example:
        NearestPrototype().fit_support(features, labels).predict(query_features)
    """

    def fit_support(self, features: Any, labels: Any) -> "NearestPrototype":
        """Keeps the prototypes of features (n, d) and labels (n,)."""
        self._labels, numbers = np.unique(labels, return_inverse=True)
        rows = unit_rows(features)[None]
        self._scores = cosine_prototype(rows, numbers, len(self._labels))
        return self

    def predict(self, queries: Any) -> np.ndarray:
        """Returns the label of each query (m,), features (m, d)."""
        return self._labels[self._scores.logits(unit_rows(queries)).argmax(axis=1)]


def copied_features(
    encoder: keras.Model, images: ImageDataset, *, copies: int = COPIES, seed: int = 0
) -> np.ndarray:
    """Returns the mean of the features of length 1 of each image and of its deformed copies.

    Args:
        encoder: Functional model (b, h, w, 3) RGB 0-255 -> (b, d).
        images: `ImageDataset` of an array of characters (n, h, w), or of pixels twice as fine.
        copies: int, deformed copies of each image; 0 for none.
        seed: int.

    Returns:
        float32 (n, d).
    """
    shape = encoder.input_shape[1:]
    run = tf.function(lambda x: encoder(x, training=False), reduce_retracing=True)
    whole = np.asarray(images.images)
    parts = []
    for start in range(0, len(whole), _AT_ONCE):
        part = tf.cast(whole[start : start + _AT_ONCE], tf.float32)
        part = part if part.shape.rank == 4 else part[..., None]
        indices = tf.range(start, start + len(part), dtype=tf.int64)
        strengths = [Deformation(0, 0, 0, 0, 0), *[WEAKER] * copies]
        total = 0.0
        for number, strength in enumerate(strengths):
            keys = {"seed": seed, "epoch": number, "indices": indices}
            changed = deform_images(part, strength, image_size=tuple(shape[:2]), **keys)
            total = total + unit_rows(run(fitting_images(changed, shape)))
        parts.append(total / len(strengths))
    return np.concatenate(parts)
