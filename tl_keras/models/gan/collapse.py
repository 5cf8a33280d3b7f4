"""Detection of a generator whose samples become nearly identical, and the guards of a GAN."""

import warnings
from collections.abc import Sequence

import keras
import numpy as np

from tl_keras.models.steps.divergence import LastGoodWeights

_SAMPLES = 64
_OF_BEST = 0.5
_OF_REAL = 0.1


class CollapseWarning(UserWarning):
    """Issued if the outputs of a model are nearly identical for all inputs."""


def diversity(images: np.ndarray) -> float:
    """Returns the mean squared distance between two random images, drawn with replacement.

    Args:
        images: (n, h, w, c) or (n, h, w), 0-255.

    Returns:
        float: twice the variance over the images, averaged over pixels, in units of 255^2. 0 if all
        images are identical.
    """
    return 2.0 * float(np.var(np.asarray(images, np.float32) / 255.0, axis=0).mean())


class CollapseWatch(keras.callbacks.Callback):
    """Adds "diversity" to the logs of an epoch and warns if the samples are nearly identical.

    It measures the diversity of samples of one fixed batch of latent points. The samples come from
    the current generator, not from its average, which reacts late. One `CollapseWarning` is issued
    when the diversity falls below half of its best value, or below a tenth of that of real images.

    Args:
        real: images (n, h, w, c), 0-255, for comparison, or None.
        from_step: int, generator steps before the first warning, because samples are similar at
            first. Defaults to 200.
    """

    state_names = ("best", "warned")

    def __init__(self, real: np.ndarray | None = None, from_step: int = 200) -> None:
        super().__init__()
        self.real = None if real is None else diversity(real)
        self.from_step = from_step
        self.best, self.warned = 0.0, False

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._latent = self.model.draw_latent(_SAMPLES, seed=0)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
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


def gan_guards(
    losses: Sequence[str], images: np.ndarray | None = None
) -> list[keras.callbacks.Callback]:
    """Returns the callbacks that every training of a GAN uses.

    Args:
        losses: names of the logs that must be finite.
        images: some of training, whose diversity is that of real images; None if unknown.
    """
    return [LastGoodWeights(losses), CollapseWatch(images)]
