"""VICReg: views agree; dimensions of the embedding vary and are decorrelated."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from tl_keras.checks import check_number
from tl_keras.models.steps.replicas import gather_replicas
from tl_keras.models.two_views.two_view_model import TwoViewModel

_EPSILON = 1e-4


def invariance(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    """Returns the mean squared difference of embeddings of two views: (n, d), (n, d) -> scalar."""
    return ops.mean(ops.square(first - second))


def variance(embeddings: tf.Tensor) -> tf.Tensor:
    """Returns the mean deficit of the standard deviations of the dimensions of (n, d) below 1."""
    spread = ops.sqrt(ops.var(embeddings, axis=0) * _unbiased(embeddings) + _EPSILON)
    return ops.mean(ops.relu(1.0 - spread))


def covariance(embeddings: tf.Tensor) -> tf.Tensor:
    """Returns the sum of squared covariances between different dimensions of (n, d), over d."""
    centred = embeddings - ops.mean(embeddings, axis=0)
    count = ops.cast(ops.shape(embeddings)[0], "float32")
    products = ops.matmul(ops.transpose(centred), centred) / (count - 1.0)
    everything = ops.sum(ops.square(products))
    return (everything - ops.sum(ops.square(ops.diagonal(products)))) / embeddings.shape[1]


@keras.saving.register_keras_serializable(package="tl_keras")
class VICReg(TwoViewModel):
    """Learns an encoder by three terms, without negatives and without asymmetry.

    The loss is 25 invariance(z1, z2) + 25 (variance(z1) + variance(z2)) / 2 + covariance(z1) +
    covariance(z2). It keeps information shared by the views, as long as each dimension of the
    embedding varies over a batch and differs from the others. Moments are taken over all replicas.

    Example:
        model = VICReg(build_small_resnet(32))
        model.compile()
        model.fit(x_train, epochs=20)

    Metrics: the loss and its terms `invariance`, `variance` and `covariance`.

    Args:
        encoder: see `TwoViewModel`.
        projection_units: see `TwoViewModel`.
        invariance_weight, variance_weight, covariance_weight: floats, at least 0. Default to 25, 25
            and 1.
        **kwargs: `seed`, and those of `TwoViewModel`.

    Raises:
        InputError: an argument is invalid.

    Reference:
        Bardes, Ponce, LeCun 2022, arXiv 2105.04906; as in the authors'
        program, the invariance is also a mean over dimensions and the variance a mean over views.
    """

    loss_names = ("loss", "invariance", "variance", "covariance")

    def __init__(
        self,
        encoder: keras.Model,
        *,
        projection_units: Sequence[int] = (512, 512),
        invariance_weight: float = 25.0,
        variance_weight: float = 25.0,
        covariance_weight: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(encoder, projection_units=projection_units, **kwargs)
        self.term_weights = {
            "invariance_weight": invariance_weight,
            "variance_weight": variance_weight,
            "covariance_weight": covariance_weight,
        }
        for name, weight in self.term_weights.items():
            check_number(name, weight, minimum=0)

    def losses_between(
        self, first: tf.Tensor, second: tf.Tensor, labels: tf.Tensor | None, training: bool
    ) -> dict[str, tf.Tensor]:
        first, second = gather_replicas(first), gather_replicas(second)
        terms = {
            "invariance": invariance(first, second),
            "variance": (variance(first) + variance(second)) / 2.0,
            "covariance": covariance(first) + covariance(second),
        }
        loss = sum(self.term_weights[f"{name}_weight"] * term for name, term in terms.items())
        return {"loss": loss, **terms}

    def get_config(self) -> dict:
        return {**super().get_config(), **self.term_weights}


def _unbiased(embeddings):
    count = ops.cast(ops.shape(embeddings)[0], "float32")
    return count / (count - 1.0)
