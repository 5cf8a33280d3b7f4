"""Keeps the weights of the best epoch, and stops when nothing improves or the loss is no number."""

import math

import keras

from tl_keras.checks import InputError


class DivergedError(InputError):
    """The loss became NaN or infinite; the model holds the best weights from before."""


class BestWeights(keras.callbacks.Callback):
    """Remembers the weights with the best validation accuracy, those at the start included.

    Equal accuracies are told apart by the lower validation loss. The loss alone would stop too
    early: it rises as a fine-tuned model grows sure of itself while its accuracy still climbs.
    Starting from the weights before the first epoch, a phase that only makes validation worse
    leaves the model as it was. Use a fresh object for each phase.

    Args:
        start: {"accuracy", "loss"} on the validation data before training, or None if there is
            none: then the last epoch counts as the best.
        patience: epochs without improvement after which training stops; None for never.
    """

    def __init__(self, start=None, patience=None):
        super().__init__()
        self.best = start and (start["accuracy"], -start["loss"])
        self.best_epoch = None
        self.patience = patience
        self._waited = 0
        self._weights = None

    def on_train_begin(self, logs=None):
        self._weights = self.model.get_weights()

    def on_train_batch_end(self, batch, logs=None):
        if not math.isfinite(logs["loss"]):
            self.restore()
            raise DivergedError(
                f"Expected a finite loss; received {logs['loss']} at batch {batch + 1}. The best "
                "weights so far are kept. Lower the learning rate (--lr) and check the labels."
            )

    def on_epoch_end(self, epoch, logs=None):
        score = self.best and (logs["val_accuracy"], -logs["val_loss"])
        if score is None or score > self.best:
            self.best, self.best_epoch, self._waited = score, epoch, 0
            self._weights = self.model.get_weights()
        else:
            self._waited += 1
            if self.patience is not None and self._waited >= self.patience:
                self.model.stop_training = True

    def restore(self):
        """Puts the best weights back into the model."""
        self.model.set_weights(self._weights)
