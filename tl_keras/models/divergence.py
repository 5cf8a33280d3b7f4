"""Stops a training whose loss is no number any more, with the weights from before."""

import math

import keras

from tl_keras.checks import InputError


class DivergedError(InputError):
    """The loss became NaN or infinite; the model holds the best weights from before."""


class StopOnDivergence(keras.callbacks.Callback):
    """Raises DivergedError at the first loss that is no number, and puts good weights back.

    Good are the weights and the optimizers' state as they were when the last epoch ended, or when
    training began. With several steps in an execution the batch named is the last one of it.

    Args:
        losses: names of the logs that must be finite.
    """

    def __init__(self, losses=("loss",)):
        super().__init__()
        self.losses = losses
        self._good = None

    def on_train_begin(self, logs=None):
        self._remember()

    def on_train_batch_end(self, batch, logs=None):
        for name in self.losses:
            value = float(logs[name])
            if not math.isfinite(value):
                for variable, good in zip(self._variables(), self._good, strict=True):
                    variable.assign(good)
                raise DivergedError(
                    f"Expected a finite loss; received {name}={value} at batch {batch + 1}. The "
                    "weights of the last whole epoch are kept. Lower the learning rate and check "
                    "the pictures."
                )

    def on_epoch_end(self, epoch, logs=None):
        self._remember()

    def _remember(self):
        self._good = [variable.numpy() for variable in self._variables()]

    def _variables(self):
        model = self.model
        optimizers = [model.optimizer, getattr(model, "discriminator_optimizer", None)]
        return [
            *model.variables,
            *(variable for o in optimizers if o is not None for variable in o.variables),
        ]
