"""Stops training when the loss is no number, with the last good weights in the model."""

import math

import keras

from tl_keras.checks import DivergedError


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
