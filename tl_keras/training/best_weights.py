"""Keeps the weights of a best epoch, and stops when nothing improves or the loss is no number."""

import math

import keras

from tl_keras.checks import DivergedError


class BestWeights(keras.callbacks.Callback):
    """Remembers the weights of the latest epoch whose accuracy is about the best.

    With few images the epoch of the highest accuracy is partly the luckiest, and a falling
    learning rate makes the last epochs the steadiest. So an epoch is kept if its accuracy is within
    one standard error of the best so far. It must also beat the weights before the first epoch;
    of equal accuracies the lower loss counts. A phase that makes validation worse leaves the model
    as it was. (The loss alone would stop too early: it rises as a fine-tuned model grows confident
    while its accuracy still rises.) Use a fresh object for each phase.

    The loss of a batch is computed before the update, so weights at the end of an epoch may be
    NaN although all losses were finite. They are kept once a loss on them is finite: that of
    validation or, without it, the next one of training. After the last epoch `unproven` is true
    if there was none, and `prove` takes it.

    Args:
        start: {"accuracy", "loss"} on the validation data before training, or None if there is
            none: then the last epoch counts as the best. Where there is a "weighted_accuracy",
            that counts as the accuracy, here and in the epochs.
        patience: epochs without a higher accuracy after which training stops; None for never.
        size: number of validation images, for the standard error; None for the best alone.

    Reference:
        The one-standard-error rule: Breiman, Friedman, Olshen and Stone 1984, "Classification and
        regression trees", section 3.4.3.
    """

    state_names = ("start", "best", "best_epoch", "_waited", "_weights", "_snapshot")

    def __init__(self, start=None, patience=None, size=None):
        super().__init__()
        self.start = self.best = start and _score(start)
        self.best_epoch = None
        self.patience = patience
        self.size = size
        self._waited = 0
        self._weights = None
        self._snapshot = None  # (epoch, weights) on which no loss is known

    @property
    def unproven(self) -> bool:
        """True if the weights of the last epoch are to be kept and no loss on them is known."""
        return self._snapshot is not None

    def on_train_begin(self, logs=None):
        self._weights = self.model.get_weights()

    def on_train_batch_end(self, batch, logs=None):
        # The mean over the epoch so far: it holds the loss on the snapshot.
        self._check(logs["loss"], f"at batch {batch + 1}")

    def on_epoch_end(self, epoch, logs=None):
        measured = (logs or {}).get("val_loss")
        if measured is not None and not math.isfinite(measured):
            self._wait()
            return
        score = self.best and _score(logs, "val_")
        better = score is None or score > self.best
        if better:
            self.best, self._waited = score, 0
        else:
            self._wait()
        if better or (score > self.start and score[0] >= self.best[0] - self._standard_error()):
            self._snapshot = epoch, self.model.get_weights()
            if measured is not None:
                self._accept()

    def prove(self, loss: float) -> None:
        """Keeps the weights of the last epoch if `loss`, which is theirs, is finite.

        Raises:
            DivergedError: it is not; the model has the best weights before them.
        """
        self._check(loss, f"after epoch {self._snapshot[0] + 1}")

    def _check(self, loss, place):
        if not math.isfinite(loss):
            self.restore()
            raise DivergedError(
                f"Expected a finite loss; received {loss} {place}. The best weights so far are "
                "kept. Lower the learning rate (--lr) and check the labels."
            )
        self._accept()

    def _accept(self):
        if self._snapshot is not None:
            (self.best_epoch, self._weights), self._snapshot = self._snapshot, None

    def _wait(self):
        self._waited += 1
        if self.patience is not None and self._waited >= self.patience:
            self.model.stop_training = True

    def _standard_error(self):
        accuracy = self.best[0]
        return math.sqrt(accuracy * (1 - accuracy) / self.size) if self.size else -1.0

    def restore(self) -> None:
        """Puts the best weights back into the model."""
        self.model.set_weights(self._weights)


def _score(logs, prefix=""):
    accuracy = logs.get(f"{prefix}weighted_accuracy", logs[f"{prefix}accuracy"])
    return accuracy, -logs[f"{prefix}loss"]
