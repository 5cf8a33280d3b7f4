"""Callback that stops training at a non-finite loss and restores the last good weights."""

import math
from collections.abc import Sequence

import keras
import numpy as np

from tl_keras.checks import DivergedError

_ABSURD = 1e18


class LastGoodWeights(keras.callbacks.Callback):
    """Remembers the weights of the last good epoch and restores them if a loss is not finite.

    The loss of a batch is computed before the update. Weights at the end of an epoch may therefore
    be NaN although all losses were finite. They are good once a loss computed with them is finite:
    the validation loss or else the next training loss. After the last epoch there is no such loss.
    Then the weights must be below 1e18, because their squares would otherwise not be finite. The
    optimizer state is restored with the weights, so that training can continue.

    Args:
        losses: names of the logs that must be finite. Defaults to ("loss",).

    Raises:
        DivergedError: raised by `fit`; it names the batch and the epoch.
    """

    state_names = ("_epoch", "_seen", "_good", "_unproven")

    def __init__(self, losses: Sequence[str] = ("loss",)) -> None:
        super().__init__()
        self.losses = losses

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._epoch, self._seen = 0, 0
        with self.model.distribute_strategy.scope():
            # Otherwise its state is created in the first step, too late to be remembered here.
            if not self.model.optimizer.built:
                self.model.optimizer.build(self.model.trainable_variables)
        self._good, self._unproven = self._values(), None

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._epoch, self._seen = epoch, 0

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        first, self._seen = self._seen + 1, batch + 1
        for name in self.losses:
            value = float(logs[name])
            if not math.isfinite(value):
                self._stop(f"{name}={value} in {_batches(first, self._seen)}")
        self._accept()  # the mean over the epoch so far includes their loss

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self._unproven = self._values()
        measured = [(logs or {}).get(f"val_{name}", math.nan) for name in self.losses]
        if all(math.isfinite(value) for value in measured):
            self._accept()

    def on_train_end(self, logs: dict | None = None) -> None:
        weights = (variable.numpy() for variable in self.model.variables)
        if self._unproven and not all((np.abs(value) < _ABSURD).all() for value in weights):
            self._stop(f"weights that are NaN or over {_ABSURD:g} after the last batch")
        self._good = self._unproven = None

    def _stop(self, received):
        for variable, good in zip(self._variables(), self._good, strict=True):
            variable.assign(good)
        raise DivergedError(
            f"Expected a finite loss; received {received} of epoch {self._epoch + 1}. The weights "
            "of the last good epoch are kept. Lower the learning rate."
        )

    def _accept(self):
        if self._unproven:
            self._good, self._unproven = self._unproven, None

    def _values(self):
        return [variable.numpy() for variable in self._variables()]

    def _variables(self):
        optimizers = (self.model.optimizer, getattr(self.model, "discriminator_optimizer", None))
        states = (optimizer.variables for optimizer in optimizers if optimizer is not None)
        return [*self.model.variables, *(variable for state in states for variable in state)]


def _batches(first, last):
    return f"batch {last}" if first >= last else f"batches {first}-{last}"
