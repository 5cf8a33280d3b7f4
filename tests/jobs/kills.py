"""Kills of a job in this process: an exception that skips every save, at an event of a fit."""

import keras

from tests.training.checkpoints.kills import Killed

EVENTS = ("on_train_batch_begin", "on_train_batch_end", "on_epoch_end")


def kill_after(patch, events):
    """With a `pytest.MonkeyPatch`, ends the process at the next but `events` event of a fit."""
    left = [events]

    def killing(name):
        method = getattr(keras.callbacks.CallbackList, name)

        def call(self, *args, **kwargs):
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            return method(self, *args, **kwargs)

        return call

    for name in EVENTS:
        patch.setattr(keras.callbacks.CallbackList, name, killing(name))
