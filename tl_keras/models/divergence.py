"""Stops training when the loss is no number, with the last good weights in the model."""

import math

import keras

from tl_keras.checks import DivergedError


class LastGoodWeights(keras.callbacks.Callback):
    """Remembers the weights of the last epoch and puts them back when a loss is not finite.

    The state of the optimizers goes with them, so that training can go on.

    Args:
        losses: names of the logs that must be finite. Defaults to ("loss",).

    Raises:
        DivergedError: from `fit`; it says in which batch of which epoch.
    """

    def __init__(self, losses=("loss",)):
        super().__init__()
        self.losses = losses

    def on_train_begin(self, logs=None):
        self._epoch, self._seen = 0, 0
        with self.model.distribute_strategy.scope():
            # Its state is made in the first step otherwise, too late to be remembered here.
            if not self.model.optimizer.built:
                self.model.optimizer.build(self.model.trainable_variables)
        self._remember()

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch, self._seen = epoch, 0

    def on_train_batch_end(self, batch, logs=None):
        first, self._seen = self._seen + 1, batch + 1
        for name in self.losses:
            value = float(logs[name])
            if not math.isfinite(value):
                self._put_back()
                raise DivergedError(
                    f"Expected a finite loss; received {name}={value} in "
                    f"{_batches(first, self._seen)} of epoch {self._epoch + 1}. The weights of the "
                    "last good epoch are kept. Lower the learning rate."
                )

    def on_epoch_end(self, epoch, logs=None):
        self._remember()

    def _remember(self):
        self._good = [variable.numpy() for variable in self._variables()]

    def _put_back(self):
        for variable, good in zip(self._variables(), self._good, strict=True):
            variable.assign(good)

    def _variables(self):
        optimizers = (self.model.optimizer, getattr(self.model, "discriminator_optimizer", None))
        states = (optimizer.variables for optimizer in optimizers if optimizer is not None)
        return [*self.model.variables, *(variable for state in states for variable in state)]


def _batches(first, last):
    return f"batch {last}" if first >= last else f"batches {first}-{last}"
