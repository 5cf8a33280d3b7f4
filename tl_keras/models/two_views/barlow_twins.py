"""Barlow Twins: dimensions of the embedding agree between views and are decorrelated."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from tl_keras.checks import check_number
from tl_keras.models.steps.replicas import gather_replicas
from tl_keras.models.two_views.two_view_model import TwoViewModel

_EPSILON = 1e-5


def cross_correlation(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    """Returns the correlations (d, d) of each dimension of one view with each of the other.

    A dimension that is constant over the batch has correlation 0.

    Args:
        first, second: float32 (n, d), embeddings of the two views, n at least 2.
    """
    products = ops.matmul(ops.transpose(_standardised(first)), _standardised(second))
    return products / ops.cast(ops.shape(first)[0], "float32")


def barlow_loss(correlations: tf.Tensor, redundancy_weight: float) -> tf.Tensor:
    """Returns the distance of correlations (d, d) from the identity, as a mean over dimensions.

        loss = (sum_i (1 - c_ii)^2 + redundancy_weight * sum_{i != j} c_ij^2) / d.

    It is 0 for two equal views with decorrelated dimensions, and 1 for uncorrelated views of one
    dimension.
    """
    agreeing = ops.diagonal(correlations)
    redundancy = ops.sum(ops.square(correlations)) - ops.sum(ops.square(agreeing))
    total = ops.sum(ops.square(1.0 - agreeing)) + redundancy_weight * redundancy
    return total / correlations.shape[0]


@keras.saving.register_keras_serializable(package="tl_keras")
class BarlowTwins(TwoViewModel):
    """Learns an encoder by making the cross-correlation of two views the identity.

    The diagonal makes each dimension of the embedding agree between the views; the rest
    decorrelates the dimensions. It has no negatives and no asymmetry. Moments are taken over all
    replicas.

    Example:
        model = BarlowTwins(build_small_resnet(32))
        model.compile()
        model.fit(x_train, epochs=20)

    Args:
        encoder: see `TwoViewModel`.
        projection_units: see `TwoViewModel`.
        redundancy_weight: float, at least 0, weight of the correlations between different
            dimensions. Defaults to 0.005.
        **kwargs: `seed`, and those of `TwoViewModel`.

    Raises:
        InputError: an argument is invalid.

    Reference:
        Zbontar, Jing, Misra, LeCun, Deny 2021, arXiv 2103.03230. There the embedding has 8,192
        dimensions and the loss is a sum over them; the mean suits one learning rate for all sizes.
    """

    def __init__(
        self,
        encoder: keras.Model,
        *,
        projection_units: Sequence[int] = (512, 512),
        redundancy_weight: float = 0.005,
        **kwargs: Any,
    ) -> None:
        super().__init__(encoder, projection_units=projection_units, **kwargs)
        check_number("redundancy_weight", redundancy_weight, minimum=0)
        self.redundancy_weight = redundancy_weight

    def losses_between(
        self, first: tf.Tensor, second: tf.Tensor, labels: tf.Tensor | None, training: bool
    ) -> dict[str, tf.Tensor]:
        correlations = cross_correlation(gather_replicas(first), gather_replicas(second))
        return {"loss": barlow_loss(correlations, self.redundancy_weight)}

    def get_config(self) -> dict:
        return {**super().get_config(), "redundancy_weight": self.redundancy_weight}


def _standardised(embeddings):
    """Returns each dimension of (n, d) with mean 0 and variance 1 over the batch."""
    centred = embeddings - ops.mean(embeddings, axis=0)
    return centred * ops.rsqrt(ops.mean(ops.square(centred), axis=0) + _EPSILON)
