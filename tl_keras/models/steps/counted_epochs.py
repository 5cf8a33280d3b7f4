"""Count of epochs over all calls of `fit`, so that each epoch has random numbers of its own."""

from typing import Any

import keras
import numpy as np

from tl_keras.data.inspection.first_batch import input_errors

_NAME = "epochs_trained"  # name in files


class CountedEpochs:
    """Mixin that counts the epochs of a model and saves the count; it comes before keras.Model.

    Random numbers that depend on (seed, epoch, index) are new in each epoch, in any call of `fit`.
    An `initial_epoch` above the number of epochs so far sets the count.

    Attributes:
        epochs_trained: int, completed epochs; during an epoch, its number from 0.
    """

    epochs_trained = 0

    def fit(self, *args: Any, callbacks: Any = None, **kwargs: Any) -> keras.callbacks.History:
        """Calls Keras's `fit` and counts the epochs."""
        count = _Count()
        if isinstance(callbacks, keras.callbacks.CallbackList):
            count.set_model(self)
            callbacks.callbacks.insert(0, count)
        else:  # before the others, so that models saved at the end of an epoch know its number
            callbacks = [count, *([] if callbacks is None else keras.tree.flatten(callbacks))]
        with input_errors():
            return super().fit(*args, callbacks=callbacks, **kwargs)

    def save_own_variables(self, store: Any) -> None:
        super().save_own_variables(store)
        store[_NAME] = np.int64(self.epochs_trained)

    def load_own_variables(self, store: Any) -> None:
        values = {name: store[name] for name in store.keys()}  # noqa: SIM118 (no iterator)
        self.epochs_trained = int(np.asarray(values.pop(_NAME, 0)))
        super().load_own_variables(values)


class _Count(keras.callbacks.Callback):
    """Sets `epochs_trained` at the beginning and end of an epoch."""

    state_names = ()  # the model has the count

    def on_epoch_begin(self, epoch, logs=None):
        self.model.epochs_trained = max(epoch, self.model.epochs_trained)
        self._after = self.model.epochs_trained + 1

    def on_epoch_end(self, epoch, logs=None):
        self.model.epochs_trained = self._after
