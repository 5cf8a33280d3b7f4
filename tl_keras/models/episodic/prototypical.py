"""Prototypical networks: a query belongs to the class whose mean feature is nearest."""

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from tl_keras.checks import check_choice
from tl_keras.models.episodic.episodic_model import EpisodicModel, query_losses

_AT_ONCE = 256  # images
_FACTORS = {"cosine": 10.0, "euclidean": 1.0}  # at the start


@keras.saving.register_keras_serializable(package="tl_keras")
class PrototypicalNetwork(EpisodicModel):
    """Learns an encoder in which a query lies nearest to the mean of its class's support.

    The probability of class c for a query with features z, and prototypes p, is

        softmax_c(s cos(z, p_c))    or    softmax_c(-s |z - p_c|^2)

    with a factor s that is learned. In training, each image of a class is in the support in turn,
    the others are queries, and the loss is the mean over the turns. Batch normalisation has the
    moments of all images of a step then. Inductive predictions use its moving statistics, which
    must follow fast, as those of `build_character_resnet` do.

    Example:
        model = PrototypicalNetwork(build_character_resnet(48))
        model.compile(keras.optimizers.AdamW(3e-3))
        model.fit(x_train, y_train, epochs=20)
        model.fit_support(x_support, y_support).predict(x_query)

    Args:
        encoder: see `EpisodicModel`.
        similarity: "cosine" or "euclidean" (minus the squared distance). Defaults to "cosine":
            0.3 to 0.5 points of error less on Omniglot.
        n_way, k_shot, n_query: see `EpisodicModel`. Default to 30, 1 and 2.
        **kwargs: `seed`, and those of `EpisodicModel`.

    Attributes:
        features: the encoder, followed by a scaling to length 1 for the cosine. The squared
            distance of its outputs ranks classes as the model does with one image per class.

    Input: (b, h, w), (b, h, w, 1) or (b, h, w, 3), pixels 0-255, uint8 or float.
    Output: features, float32 (b, d).

    Reference:
        Snell, Swersky, Zemel 2017, arXiv 1703.05175, who have the squared distance with s = 1, and
        one choice of the support. The cosine with a factor: Gidaris, Komodakis 2018,
        arXiv 1804.09458.
    """

    recipe = {"lr": 3e-3, "weight_decay": 1e-4, "augment": "auto", "batch_size": 1}

    def __init__(
        self,
        encoder: keras.Model,
        *,
        similarity: str = "cosine",
        n_way: int = 30,
        k_shot: int = 1,
        n_query: int = 2,
        **kwargs: Any,
    ) -> None:
        super().__init__(encoder, n_way=n_way, k_shot=k_shot, n_query=n_query, **kwargs)
        self.similarity = check_choice("similarity", similarity, tuple(_FACTORS))
        if similarity == "cosine":
            unit = keras.layers.UnitNormalization(dtype="float32", name="unit_length")
            self.features = keras.Model(
                self.features.input, unit(self.features.output), name="features"
            )
        self.log_factor = self.add_weight(
            shape=(),
            initializer=keras.initializers.Constant(math.log(_FACTORS[similarity])),
            dtype="float32",
            name="log_factor",
        )
        self._support: tuple | None = None
        self._alone = tf.function(self._features_alone, reduce_retracing=True)
        self._together = tf.function(self._features_together, reduce_retracing=True)

    def call(self, inputs: Any, training: bool | None = None) -> tf.Tensor:
        return ops.cast(self.features(self._as_rgb(inputs), training=training), "float32")

    def losses_of(self, batch: tuple, training: bool) -> dict[str, tf.Tensor]:
        images = ops.concatenate(batch, axis=2)
        n_way, per_class = images.shape[1:3]
        k_shot = batch[0].shape[2]
        features = self.features(self._flat(images), training=training)
        features = ops.reshape(features, (-1, n_way, per_class, features.shape[-1]))
        starts = range(per_class) if training else (0,)
        turns = [self._turn(ops.roll(features, -start, axis=2), k_shot) for start in starts]
        return {name: sum(turn[name] for turn in turns) / len(turns) for name in turns[0]}

    def _turn(self, features, k_shot):
        """Returns the losses where the first k_shot images of each class are the support."""
        n_way, n_query = features.shape[1], features.shape[2] - k_shot
        prototypes = ops.mean(features[:, :, :k_shot], axis=2)
        queries = ops.reshape(features[:, :, k_shot:], (-1, n_way * n_query, features.shape[-1]))
        scores = self._scores(queries, prototypes)
        numbers = ops.repeat(ops.arange(n_way), n_query)
        return query_losses(scores, ops.broadcast_to(numbers, ops.shape(scores)[:2]))

    def encode(self, x: Any) -> np.ndarray:
        """Returns features, float32 (n, d), of images (n, h, w) or (n, h, w, 1 or 3) 0-255."""
        parts = (x[i : i + _AT_ONCE] for i in range(0, len(x), _AT_ONCE))
        return np.concatenate([np.asarray(self(part, training=False)) for part in parts])

    def learn_support(self, images: tf.Tensor, numbers: tf.Tensor, num_classes: int) -> None:
        means = _class_means(self._alone(images), numbers, num_classes)
        self._support = (images, numbers, means)

    def query_scores(self, images: tf.Tensor, transductive: bool) -> tf.Tensor:
        shown, numbers, means = self._support
        if not transductive:
            return self._scores(self._alone(images), means)
        features = self._together(ops.concatenate([shown, images]))
        means = _class_means(features[: len(shown)], numbers, means.shape[0])
        return self._scores(features[len(shown) :], means)

    def _features_alone(self, images):
        return self.features(images, training=False)

    def _features_together(self, images):
        """Returns features with the moments of the batch, and leaves moving statistics alone."""
        weights, state = self.features.trainable_variables, self.features.non_trainable_variables
        return self.features.stateless_call(weights, state, images, training=True)[0]

    def _scores(self, queries, prototypes):
        """Returns logits (..., m, n) of queries (..., m, d) for prototypes (..., n, d)."""
        queries, prototypes = (ops.cast(x, "float32") for x in (queries, prototypes))
        factor = ops.exp(self.log_factor)
        if self.similarity == "euclidean":
            return -factor * squared_distances(queries, prototypes)
        return factor * ops.matmul(queries, ops.swapaxes(ops.normalize(prototypes), -1, -2))

    def get_config(self) -> dict:
        return {**super().get_config(), "similarity": self.similarity}


def squared_distances(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    """Returns |a - b|^2 for rows a of `first` (..., m, d) and b of `second` (..., n, d)."""
    across = ops.matmul(first, ops.swapaxes(second, -1, -2))
    of_first = ops.sum(ops.square(first), axis=-1, keepdims=True)
    of_second = ops.expand_dims(ops.sum(ops.square(second), axis=-1), -2)
    return ops.maximum(of_first + of_second - 2.0 * across, 0.0)


def _class_means(features, numbers, num_classes):
    return tf.math.unsorted_segment_mean(tf.cast(features, tf.float32), numbers, num_classes)
