"""SimSiam: each view predicts the other; a stopped gradient prevents collapse."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from tl_keras.checks import check_number
from tl_keras.models.two_views.contrast import normalised
from tl_keras.models.two_views.two_view_model import TwoViewModel


def negative_cosine(predicted: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Returns minus the cosine between rows of (n, d) and (n, d): float32 (n,), from -1 to 1."""
    return -ops.sum(normalised(predicted) * normalised(target), axis=-1)


@keras.saving.register_keras_serializable(package="tl_keras")
class SimSiam(TwoViewModel):
    """Learns an encoder by predicting the embedding of one view from that of the other.

    The loss is the mean of -cos(predictor(z1), stop(z2)) and -cos(predictor(z2), stop(z1)). It has
    no negatives: without the stopped gradient all embeddings become equal. The metric
    `embedding_spread` shows this, and a `CollapseWarning` is issued when it vanishes.

    Example:
        model = SimSiam(build_small_resnet(32))
        model.compile()
        model.fit(x_train, epochs=20)

    Args:
        encoder: see `TwoViewModel`.
        projection_units: see `TwoViewModel`.
        predictor_units: int, hidden units of the predictor, fewer than the dimensions of the
            embedding. Defaults to 128.
        stop_gradient: bool, whether no gradient flows through the predicted view. False
            demonstrates the collapse.
        **kwargs: `seed`, and those of `TwoViewModel`.

    Raises:
        InputError: an argument is invalid.

    Reference:
        Chen and He 2021, arXiv 2011.10566. There the embedding also ends in a batch normalisation,
        which is absent here (the variant "hidden-only" there).
    """

    def __init__(
        self,
        encoder: keras.Model,
        *,
        projection_units: Sequence[int] = (512, 512),
        predictor_units: int = 128,
        stop_gradient: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(encoder, projection_units=projection_units, **kwargs)
        check_number("predictor_units", predictor_units, minimum=1, integer=True)
        self.predictor_units = predictor_units
        self.stop_gradient = bool(stop_gradient)
        size = self.projection_units[-1]
        self.predictor = self.build_head(size, (predictor_units, size), "predictor")

    def losses_between(
        self, first: tf.Tensor, second: tf.Tensor, labels: tf.Tensor | None, training: bool
    ) -> dict[str, tf.Tensor]:
        one, two = ops.split(self.predictor(ops.concatenate([first, second]), training=training), 2)
        if self.stop_gradient:
            first, second = ops.stop_gradient(first), ops.stop_gradient(second)
        return {"loss": (negative_cosine(one, second) + negative_cosine(two, first)) / 2}

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "predictor_units": self.predictor_units,
            "stop_gradient": self.stop_gradient,
        }
