"""Progress of a long training, one line every few epochs."""

import time

import keras

from tl_keras.progress import say


class EpochLines(keras.callbacks.Callback):
    """Prints the figures of an epoch, some twenty times in a training.

    Args:
        epochs: int, of the whole training; None where a time ends it.
        lines: int, largest number of lines. Defaults to 20.
        apart: seconds between two lines at least. Defaults to 0.
    """

    state_names = ()

    def __init__(self, epochs=None, lines=20, *, apart=0.0):
        super().__init__()
        self.epochs = epochs
        self.every = 1 if epochs is None else -(-epochs // lines)
        self.apart = apart
        self._last = None

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every and epoch + 1 != self.epochs:
            return
        now = time.monotonic()
        if self._last is None or now - self._last >= self.apart:
            self._last = now
            figures = ", ".join(f"{name} {float(value):.4g}" for name, value in logs.items())
            number = epoch + 1 if self.epochs is None else f"{epoch + 1}/{self.epochs}"
            say(f"Epoch {number}: {figures}")
