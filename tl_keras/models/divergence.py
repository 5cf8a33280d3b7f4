"""Stops a training whose loss is no number any more, with the weights from before."""

import math

import keras

from tl_keras.checks import DivergedError


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


class LastGoodWeights(keras.callbacks.Callback):
    """Remembers the weights of the last epoch and puts them back when the loss is not finite.

    Raises:
        DivergedError: from `fit`; it says in which batch of which epoch.
    """

    def on_train_begin(self, logs=None):
        self._epoch, self._seen = 0, 0
        self._weights = self.model.get_weights()

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch, self._seen = epoch, 0

    def on_train_batch_end(self, batch, logs=None):
        loss = float(logs["loss"])
        first, self._seen = self._seen + 1, batch + 1
        if math.isfinite(loss):
            return
        self.model.set_weights(self._weights)
        where = f"batch {self._seen}" if first >= self._seen else f"batches {first}-{self._seen}"
        raise DivergedError(
            f"Expected a finite loss; received {loss} in {where} of epoch {self._epoch + 1}. The "
            "weights of the last good epoch are kept. Lower the learning rate."
        )

    def on_epoch_end(self, epoch, logs=None):
        self._weights = self.model.get_weights()
