"""A line on how far a long training is, every few epochs."""

import keras

from tl_keras.progress import say


class EpochLines(keras.callbacks.Callback):
    """Prints the figures of an epoch, some twenty times in a training.

    Args:
        epochs: int, of the whole training.
        lines: int, how many lines at most. Defaults to 20.
    """

    def __init__(self, epochs, lines=20):
        super().__init__()
        self.epochs = epochs
        self.every = -(-epochs // lines)

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every == 0 or epoch + 1 == self.epochs:
            figures = ", ".join(f"{name} {float(value):.4g}" for name, value in logs.items())
            say(f"Epoch {epoch + 1}/{self.epochs}: {figures}")
