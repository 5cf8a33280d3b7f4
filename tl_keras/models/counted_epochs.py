"""Epochs counted over all calls of `fit`, so that no call draws what an earlier one drew."""

import keras
import numpy as np

from tl_keras.data.inspection.first_batch import input_errors

_NAME = "epochs_trained"  # in files


class CountedEpochs:
    """Counts the epochs of a model and puts their number into its files; before keras.Model.

    What belongs to (seed, epoch, index) is drawn anew in each epoch, whichever call of `fit` it is
    in. An `initial_epoch` above the number of epochs so far is where counting goes on.

    Attributes:
        epochs_trained: int, epochs so far; while one is trained, its number from 0.
    """

    epochs_trained = 0

    def fit(self, *args, callbacks=None, **kwargs):
        """As Keras's `fit`, with the epochs counted."""
        count = _Count()
        if isinstance(callbacks, keras.callbacks.CallbackList):
            count.set_model(self)
            callbacks.callbacks.insert(0, count)
        else:  # before the others: what they save in an epoch's end is to know of it
            callbacks = [count, *([] if callbacks is None else keras.tree.flatten(callbacks))]
        with input_errors():
            return super().fit(*args, callbacks=callbacks, **kwargs)

    def save_own_variables(self, store):
        super().save_own_variables(store)
        store[_NAME] = np.int64(self.epochs_trained)

    def load_own_variables(self, store):
        values = {name: store[name] for name in store.keys()}  # noqa: SIM118 (no iterator)
        self.epochs_trained = int(np.asarray(values.pop(_NAME, 0)))
        super().load_own_variables(values)


class _Count(keras.callbacks.Callback):
    """Sets `epochs_trained` when an epoch begins and when it is whole."""

    def on_epoch_begin(self, epoch, logs=None):
        self.model.epochs_trained = max(epoch, self.model.epochs_trained)
        self._after = self.model.epochs_trained + 1

    def on_epoch_end(self, epoch, logs=None):
        self.model.epochs_trained = self._after
