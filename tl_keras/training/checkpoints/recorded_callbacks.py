"""Callbacks of a recorded fit: when it is saved, and where a resumed one begins."""

from typing import Any

import keras

from tl_keras.training.checkpoints.run_checkpoints import FitCheckpoints
from tl_keras.training.checkpoints.state import set_state, state_of
from tl_keras.training.checkpoints.stopping import StopRequest
from tl_keras.training.distribution.several_machines import from_chief


class RecordedCallbacks(keras.callbacks.CallbackList):
    """The callbacks of a fit, to which several calls of Keras's `fit` are one.

    Args:
        fit: where the fit is recorded.
        stop: the signal that asks to stop.
        model, callbacks, epochs, steps, verbose: of the whole fit.
    """

    def __init__(
        self,
        fit: FitCheckpoints,
        stop: StopRequest,
        model: keras.Model,
        callbacks: list[keras.callbacks.Callback],
        *,
        epochs: int,
        steps: int,
        verbose: int,
    ) -> None:
        super().__init__(
            callbacks,
            add_history=True,
            add_progbar=verbose != 0,
            model=model,
            verbose=verbose,
            epochs=epochs,
            steps=steps,
        )
        self._fit, self._stop = fit, stop
        self._begun = False
        self._resumed: dict | None = None
        self._first = self._epoch = 0
        self.is_last = True  # whether the call of `fit` is the last of this training

    @property
    def name(self) -> str:
        """Name of the fit."""
        return self._fit.name

    @property
    def epochs(self) -> int:
        """Number of the last epoch and 1."""
        return self.params["epochs"]

    def resume(self, state: dict, step: int) -> None:
        """Lets the next epoch go on from `state` after so many of its steps."""
        self._resumed, self._first = state, step

    def state(self) -> dict:
        """Returns the state of the training now."""
        return state_of(self.model, self.callbacks)

    def replay(self, state: dict) -> keras.callbacks.History:
        """Puts the state at the end of the fit back; returns its history."""
        set_state(self.model, self.callbacks, state)
        return self.model.history

    def on_train_begin(self, logs: dict | None = None) -> None:
        if not self._begun:
            super().on_train_begin(logs)
        self._begun = True
        if not self._first:
            self._set_resumed()

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        super().on_epoch_begin(epoch, logs)
        self._epoch = epoch
        self._set_resumed()  # within an epoch; Keras has reset the metrics before

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        super().on_train_batch_begin(self._first + batch, logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        super().on_train_batch_end(self._first + batch, logs)
        done = self._first + batch + 1
        # The end of the epoch follows at once after its last step.
        if done < self.params["steps"] and not self.model.stop_training:
            self._save(self._epoch, done)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        super().on_epoch_end(epoch, logs)
        self._first, self._logs = 0, logs
        if epoch + 1 < self.params["epochs"] and not self.model.stop_training:
            self._save(epoch + 1, 0)

    def on_train_end(self, logs: dict | None = None) -> None:
        if self.is_last:
            super().on_train_end(logs)

    def end(self) -> None:
        """Ends a training whose last call of `fit` was not taken for the last."""
        super().on_train_end(self._logs)

    def agree(self, *, last: bool = False) -> tuple[bool, bool]:
        """Returns whether to stop and whether to save now, the same in all processes of a cluster.

        The state of metrics is the sum over all processes, so that they save at the same step.

        Args:
            last: whether the fit ends.
        """
        strategy = self.model.distribute_strategy
        found = [self._stop.number, self._fit.is_due(last=last)]
        number, due = from_chief(found, strategy)
        if number is not None:  # a signal may have come in between
            self._stop.number = number
        return number is not None, due

    def _set_resumed(self):
        """Puts the state back that a resumed fit begins with, once."""
        if self._resumed is not None:
            set_state(self.model, self.callbacks, self._resumed)
            self._resumed = None

    def _save(self, epoch, step):
        asked, due = self.agree()
        if asked or due:
            self._fit.save(self.state, epoch, step)
        if asked:
            self._stop.stop()
