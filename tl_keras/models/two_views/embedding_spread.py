"""Notices embeddings that have become alike, whatever the image."""

import warnings

import keras
from keras import ops

from tl_keras.models.gan.collapse import CollapseWarning
from tl_keras.models.two_views.contrast import normalised

_COLLAPSED = 0.2


def embedding_spread(embeddings):
    """How far embeddings point into different directions: about 1 if into all, 0 if into one.

    The standard deviation of each number over the rows scaled to length 1, its mean over the
    numbers, times sqrt(d), which makes it 1 for rows spread evenly over the sphere.

    Args:
        embeddings: (n, d).

    Returns:
        float32 scalar.

    Reference:
        Chen and He 2021, arXiv 2011.10566, section 4.1.
    """
    return ops.mean(ops.std(normalised(embeddings), axis=0)) * embeddings.shape[-1] ** 0.5


class SpreadWatch(keras.callbacks.Callback):
    """Warns once when an epoch ends whose `embedding_spread` is below a fifth.

    Trainings that go well keep it above a half.
    """

    def on_train_begin(self, logs=None):
        self._warned = False

    def on_epoch_end(self, epoch, logs=None):
        spread = (logs or {}).get("embedding_spread", 1.0)
        if spread >= _COLLAPSED or self._warned:
            return
        self._warned = True
        warnings.warn(
            f"The embeddings may have collapsed: their spread is {spread:.3g} in epoch "
            f"{epoch + 1}, where 0 is the same for every image and 1 evenly over all directions. "
            "Lower the learning rate, or use a method that holds images apart: SimCLR or VICReg.",
            CollapseWarning,
            stacklevel=2,
        )
