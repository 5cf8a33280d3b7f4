"""Prototypical networks: a query belongs to the class whose mean feature is nearest."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from tl_keras.checks import check_number
from tl_keras.models.episodic.episodic_model import EpisodicModel, query_losses

_AT_ONCE = 256  # images


@keras.saving.register_keras_serializable(package="tl_keras")
class PrototypicalNetwork(EpisodicModel):
    """Learns an encoder in which a query lies nearest to the mean of its class's support.

    The probability of class c for a query with features z, and prototypes p, is

        softmax_c(-|z - p_c|^2 / temperature)

    In training, batch normalisation has the moments of all images of a step. Inductive predictions
    use its moving statistics, and need an encoder whose statistics follow fast, such as
    `build_conv4`.

    Example:
        model = PrototypicalNetwork(build_conv4(28), n_way=60)
        model.compile()
        model.fit(x_train, y_train, epochs=20)
        model.fit_support(x_support, y_support).predict(x_query)

    Args:
        encoder: see `EpisodicModel`.
        temperature: float above 0. Defaults to 1.
        **kwargs: `n_way`, `k_shot`, `n_query`, `seed`, and those of `EpisodicModel`.

    Input: (b, h, w), (b, h, w, 1) or (b, h, w, 3), pixels 0-255, uint8 or float.
    Output: features, float32 (b, d).

    Reference:
        Snell, Swersky, Zemel 2017, arXiv 1703.05175.
    """

    def __init__(self, encoder: keras.Model, *, temperature: float = 1.0, **kwargs: Any) -> None:
        super().__init__(encoder, **kwargs)
        self.temperature = check_number("temperature", temperature, above=0)
        self._support: tuple | None = None

    def call(self, inputs: Any, training: bool | None = None) -> tf.Tensor:
        return ops.cast(self.features(self._as_rgb(inputs), training=training), "float32")

    def losses_of(self, batch: tuple, training: bool) -> dict[str, tf.Tensor]:
        support, query = batch
        (n_way, k_shot), n_query = support.shape[1:3], query.shape[2]
        images = ops.concatenate([self._flat(support), self._flat(query)])
        features = ops.cast(self.features(images, training=training), "float32")
        size = features.shape[-1]
        shown = ops.shape(support)[0] * n_way * k_shot
        prototypes = ops.mean(
            ops.reshape(features[:shown], (-1, n_way, k_shot, size)), axis=2
        )
        queries = ops.reshape(features[shown:], (-1, n_way * n_query, size))
        scores = self._scores(queries, prototypes)
        numbers = ops.repeat(ops.arange(n_way), n_query)
        return query_losses(scores, ops.broadcast_to(numbers, ops.shape(scores)[:2]))

    def encode(self, x: Any) -> np.ndarray:
        """Returns features, float32 (n, d), of images (n, h, w) or (n, h, w, 1 or 3) 0-255."""
        parts = (x[i : i + _AT_ONCE] for i in range(0, len(x), _AT_ONCE))
        return np.concatenate([np.asarray(self(part, training=False)) for part in parts])

    def learn_support(self, images: tf.Tensor, numbers: tf.Tensor, num_classes: int) -> None:
        means = _class_means(self.features(images, training=False), numbers, num_classes)
        self._support = (images, numbers, means)

    def query_scores(self, images: tf.Tensor, transductive: bool) -> tf.Tensor:
        shown, numbers, means = self._support
        if not transductive:
            return self._scores(self.features(images, training=False), means)
        # With the moments of the batch, and without a change of the moving statistics.
        weights, state = self.features.trainable_variables, self.features.non_trainable_variables
        together = ops.concatenate([shown, images])
        features, _ = self.features.stateless_call(weights, state, together, training=True)
        means = _class_means(features[: len(shown)], numbers, means.shape[0])
        return self._scores(features[len(shown) :], means)

    def _scores(self, queries, prototypes):
        """Returns logits (..., m, n) of queries (..., m, d) for prototypes (..., n, d)."""
        queries, prototypes = (ops.cast(x, "float32") for x in (queries, prototypes))
        return -squared_distances(queries, prototypes) / self.temperature

    def get_config(self) -> dict:
        return {**super().get_config(), "temperature": self.temperature}


def squared_distances(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    """Returns |a - b|^2 for rows a of `first` (..., m, d) and b of `second` (..., n, d)."""
    across = ops.matmul(first, ops.swapaxes(second, -1, -2))
    of_first = ops.sum(ops.square(first), axis=-1, keepdims=True)
    of_second = ops.expand_dims(ops.sum(ops.square(second), axis=-1), -2)
    return ops.maximum(of_first + of_second - 2.0 * across, 0.0)


def _class_means(features, numbers, num_classes):
    return tf.math.unsorted_segment_mean(tf.cast(features, tf.float32), numbers, num_classes)
