"""Keeps the weights of a best epoch, and stops when nothing improves or the loss is no number."""

import math

import keras

from tl_keras.checks import DivergedError


class BestWeights(keras.callbacks.Callback):
    """Remembers the weights of the latest epoch that validation cannot tell from the best.

    Of all epochs the one with the highest accuracy on few pictures is partly the luckiest, and a
    falling learning rate makes the last ones the steadiest. So an epoch is kept if its accuracy
    is within one standard error of the best so far. It must also beat the weights before the
    first epoch, equal accuracies being told apart by the lower loss: a phase that makes validation
    worse leaves the model as it was. (The loss alone would stop too early: it rises as a
    fine-tuned model grows sure of itself while its accuracy still climbs.) Use a fresh object for
    each phase.

    Args:
        start: {"accuracy", "loss"} on the validation data before training, or None if there is
            none: then the last epoch counts as the best.
        patience: epochs without a higher accuracy after which training stops; None for never.
        size: number of validation pictures, for the standard error; None for the best alone.

    Reference:
        The one-standard-error rule: Breiman, Friedman, Olshen and Stone 1984, "Classification and
        regression trees", section 3.4.3.
    """

    def __init__(self, start=None, patience=None, size=None):
        super().__init__()
        self.start = self.best = start and (start["accuracy"], -start["loss"])
        self.best_epoch = None
        self.patience = patience
        self.size = size
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
        better = score is None or score > self.best
        if better:
            self.best, self._waited = score, 0
        else:
            self._waited += 1
            if self.patience is not None and self._waited >= self.patience:
                self.model.stop_training = True
        if better or (score > self.start and score[0] >= self.best[0] - self._standard_error()):
            self.best_epoch, self._weights = epoch, self.model.get_weights()

    def _standard_error(self):
        accuracy = self.best[0]
        return math.sqrt(accuracy * (1 - accuracy) / self.size) if self.size else -1.0

    def restore(self):
        """Puts the best weights back into the model."""
        self.model.set_weights(self._weights)
