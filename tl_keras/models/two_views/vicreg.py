"""VICReg: views agree, numbers of the embedding vary and do not repeat each other."""

import keras
from keras import ops

from tl_keras.checks import check_number
from tl_keras.models.replicas import gather_replicas
from tl_keras.models.two_views.two_view_model import TwoViewModel

_EPSILON = 1e-4


def invariance(first, second):
    """Mean squared difference of two views' embeddings: (n, d) and (n, d) -> scalar."""
    return ops.mean(ops.square(first - second))


def variance(embeddings):
    """How far the standard deviations of the numbers of (n, d) are below 1, a mean over them."""
    spread = ops.sqrt(ops.var(embeddings, axis=0) * _unbiased(embeddings) + _EPSILON)
    return ops.mean(ops.relu(1.0 - spread))


def covariance(embeddings):
    """Sum of the squared covariances between different numbers of (n, d), divided by d."""
    centred = embeddings - ops.mean(embeddings, axis=0)
    count = ops.cast(ops.shape(embeddings)[0], "float32")
    products = ops.matmul(ops.transpose(centred), centred) / (count - 1.0)
    everything = ops.sum(ops.square(products))
    return (everything - ops.sum(ops.square(ops.diagonal(products)))) / embeddings.shape[1]


@keras.saving.register_keras_serializable(package="tl_keras")
class VICReg(TwoViewModel):
    """Learns an encoder without negatives and without asymmetry, by three terms.

    The loss is 25 invariance(z1, z2) + 25 (variance(z1) + variance(z2)) / 2 + covariance(z1) +
    covariance(z2): what the views share is kept, as long as each number of the embedding varies
    over a batch and tells something of its own. Moments are taken over all replicas.

    Example:
        model = VICReg(build_small_resnet(32))
        model.compile()
        model.fit(x_train, epochs=20)

    Metrics: beside the loss its terms `invariance`, `variance` and `covariance`.

    Args:
        encoder: see `TwoViewModel`.
        projection_units: see `TwoViewModel`.
        invariance_weight, variance_weight, covariance_weight: floats, at least 0. Default to 25, 25
            and 1.
        **kwargs: `seed`, and those of `TwoViewModel`.

    Raises:
        InputError: an argument cannot be used.

    Reference:
        Bardes, Ponce, LeCun 2022, arXiv 2105.04906; the invariance is a mean over the numbers too
        and the variance a mean over the views, as in the authors' program.
    """

    loss_names = ("loss", "invariance", "variance", "covariance")

    def __init__(
        self,
        encoder,
        *,
        projection_units=(512, 512),
        invariance_weight=25.0,
        variance_weight=25.0,
        covariance_weight=1.0,
        **kwargs,
    ):
        super().__init__(encoder, projection_units=projection_units, **kwargs)
        self.term_weights = {
            "invariance_weight": invariance_weight,
            "variance_weight": variance_weight,
            "covariance_weight": covariance_weight,
        }
        for name, weight in self.term_weights.items():
            check_number(name, weight, minimum=0)

    def losses_between(self, first, second, labels, training):
        first, second = gather_replicas(first), gather_replicas(second)
        terms = {
            "invariance": invariance(first, second),
            "variance": (variance(first) + variance(second)) / 2.0,
            "covariance": covariance(first) + covariance(second),
        }
        loss = sum(self.term_weights[f"{name}_weight"] * term for name, term in terms.items())
        return {"loss": loss, **terms}

    def get_config(self):
        return {**super().get_config(), **self.term_weights}


def _unbiased(embeddings):
    count = ops.cast(ops.shape(embeddings)[0], "float32")
    return count / (count - 1.0)
