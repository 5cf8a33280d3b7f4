"""Keeps the weights of the best epoch, and stops on a loss that is not a number."""

import math

import keras

from tl_keras.checks import InputError


class DivergedError(InputError):
    """The loss became NaN or infinite; the model holds the best weights from before."""


class BestWeights(keras.callbacks.Callback):
    """Remembers the weights with the lowest validation loss, those at the start included.

    Starting from the weights before the first epoch, a phase that only makes validation worse
    leaves the model as it was. Use a fresh object for each phase.

    Args:
        monitor: key of the logs, lower is better.
        start: its value before training, or None if there is no validation data: then the last
            epoch counts as the best.
    """

    def __init__(self, monitor="val_loss", start=None):
        super().__init__()
        self.monitor = monitor
        self.best = start
        self.best_epoch = None
        self._weights = None

    def on_train_begin(self, logs=None):
        self._weights = self.model.get_weights()

    def on_train_batch_end(self, batch, logs=None):
        if not math.isfinite(logs.get("loss", 0.0)):
            self.restore()
            raise DivergedError(
                f"Expected a finite loss; received {logs['loss']} at batch {batch + 1}. The best "
                "weights so far are kept. Lower the learning rate (--lr) and check the labels."
            )

    def on_epoch_end(self, epoch, logs=None):
        value = logs.get(self.monitor)
        if value is None or self.best is None or value < self.best:
            self.best, self.best_epoch = value, epoch
            self._weights = self.model.get_weights()

    def restore(self):
        """Puts the best weights back into the model."""
        self.model.set_weights(self._weights)
