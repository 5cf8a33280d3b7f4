"""Kills in this process: an exception that skips every save, at chosen moments of a training."""

import itertools

import keras
import numpy as np

from tl_keras.training.checkpoints.run_checkpoints import RunCheckpoints, checkpointing


class Killed(BaseException):
    """End of a process that saves nothing on the way out, as with SIGKILL."""


class Killer(keras.callbacks.Callback):
    """Ends a process at its n-th event: a batch, the end of an epoch, or the end of a fit."""

    state_names = ()
    left = None  # events of this process; None for no end

    def _event(self, *_, **__):
        if Killer.left is not None:
            Killer.left -= 1
            if Killer.left < 0:
                raise Killed

    on_train_batch_begin = on_train_batch_end = on_epoch_end = on_train_end = _event


def through_kills(folder, train, events, minutes=0):
    """Returns what `train()` returns after so many kills, and their number.

    Args:
        folder: of the checkpoints.
        events: how many events each process lives for, in turn.
    """
    for kills, Killer.left in enumerate(itertools.cycle(events)):
        assert kills < 200, "no process gets further than the one before"
        try:
            with checkpointing(RunCheckpoints(folder, minutes)):
                return train(), kills
        except Killed:
            pass
        finally:
            Killer.left = None
    raise AssertionError


def assert_equal_weights(found, wanted):
    """Both are lists of arrays."""
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)


def assert_equal_histories(found, wanted):
    assert found.epoch == wanted.epoch
    assert list(found.history) == list(wanted.history)
    for name, values in wanted.history.items():
        np.testing.assert_allclose(found.history[name], values, rtol=0, atol=1e-5, err_msg=name)
