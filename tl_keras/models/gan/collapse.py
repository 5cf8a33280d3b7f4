"""Notices a generator whose samples have become alike."""

import warnings

import keras
import numpy as np

_SAMPLES = 64
_OF_BEST = 0.5
_OF_REAL = 0.1


class CollapseWarning(UserWarning):
    """What a model gives is nearly the same whatever it is given."""


def diversity(images):
    """Mean squared distance between two images of a batch drawn at random with replacement.

    Args:
        images: (n, h, w, c) or (n, h, w), 0-255.

    Returns:
        float: twice the variance of a pixel over the images, a mean over pixels, in units of
        255^2; 0 if all are the same.
    """
    return 2.0 * float(np.var(np.asarray(images, np.float32) / 255.0, axis=0).mean())


class CollapseWatch(keras.callbacks.Callback):
    """Adds "diversity" to the logs of an epoch and warns when the samples are alike.

    The diversity of the samples of one fixed batch of latent points is measured, of the generator
    as it is and not of its average, which would follow late. There is a `CollapseWarning`, once,
    when it falls below half of its best, or is below a tenth of that of real images.

    Args:
        real: images (n, h, w, c), 0-255, to compare with; or None.
        from_step: int, generator steps before which nothing is warned of: at first all
            samples are alike. Defaults to 200.
    """

    def __init__(self, real=None, from_step=200):
        super().__init__()
        self.real = None if real is None else diversity(real)
        self.from_step = from_step
        self.best, self.warned = 0.0, False

    def on_train_begin(self, logs=None):
        self._latent = self.model.draw_latent(_SAMPLES, seed=0)

    def on_epoch_end(self, epoch, logs=None):
        value = diversity(self.model.generate(self._latent, average=False))
        if logs is not None:
            logs["diversity"] = value
        if self.model.optimizer.iterations.numpy() < self.from_step:
            return
        self.best = max(self.best, value)
        fallen = value < _OF_BEST * self.best
        alike = self.real is not None and value < _OF_REAL * self.real
        if (fallen or alike) and not self.warned:
            self.warned = True
            known = "" if self.real is None else f", of real images {self.real:.3g}"
            warnings.warn(
                f"The generator may have collapsed: diversity of its samples {value:.3g} after "
                f"epoch {epoch + 1}, at best {self.best:.3g}{known}. Look at the samples; a lower "
                'learning rate or loss="wgan-gp" may help.',
                CollapseWarning,
                stacklevel=2,
            )
