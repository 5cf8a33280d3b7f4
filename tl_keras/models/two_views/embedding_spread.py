"""Spread of embeddings, and a warning if they collapse."""

import warnings

import keras
import tensorflow as tf
from keras import ops

from tl_keras.models.gan.collapse import CollapseWarning
from tl_keras.models.two_views.contrast import normalised

_COLLAPSED = 0.2


def embedding_spread(embeddings: tf.Tensor) -> tf.Tensor:
    """Returns the spread of the directions of embeddings: about 1 if uniform, 0 if all are equal.

    It is the standard deviation of each dimension over rows scaled to length 1, averaged over the
    dimensions and multiplied by sqrt(d). The factor makes it 1 for rows uniform on the sphere.

    Args:
        embeddings: (n, d).

    Returns:
        float32 scalar.

    Reference:
        Chen and He 2021, arXiv 2011.10566, section 4.1.
    """
    return ops.mean(ops.std(normalised(embeddings), axis=0)) * embeddings.shape[-1] ** 0.5


class SpreadWatch(keras.callbacks.Callback):
    """Warns once if an epoch ends with an `embedding_spread` below 0.2.

    Successful training keeps it above 0.5.
    """

    state_names = ("_warned",)

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._warned = False

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        spread = (logs or {}).get("embedding_spread", 1.0)
        if spread >= _COLLAPSED or self._warned:
            return
        self._warned = True
        warnings.warn(
            f"The embeddings may have collapsed: their spread is {spread:.3g} in epoch "
            f"{epoch + 1}, where 0 is the same for every image and 1 uniform over all directions. "
            "Lower the learning rate, or use a method that prevents collapse: SimCLR or VICReg.",
            CollapseWarning,
            stacklevel=2,
        )
