"""Training ends with the epoch in which its time is over."""

import itertools
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training.checkpoints.kills import Killed
from tl_keras.files import write_json
from tl_keras.training.checkpoints.fitting import fit
from tl_keras.training.checkpoints.run_checkpoints import RunCheckpoints, checkpointing
from tl_keras.training.time_limit import CosineOverTime, Deadline, TimeLimit


def epochs_run(limit):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    data = np.zeros((4, 2)), np.zeros((4, 1))
    return len(model.fit(*data, epochs=3, callbacks=[limit], verbose=0).epoch)


def test_at_least_one_epoch_runs():
    assert epochs_run(TimeLimit(1e-9)) == 1


def test_nothing_stops_before_the_time_is_over():
    assert epochs_run(TimeLimit(1000)) == 3


def test_seconds_spent_by_others_count():
    assert epochs_run(TimeLimit(1000, lambda: 2000)) == 1


def test_rate_follows_a_cosine_over_time_and_training_ends_with_it():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.5), "mse")
    clock = itertools.count().__next__  # a second from one batch to the next
    rates = []
    seen = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: rates.append(float(model.optimizer.learning_rate))
    )
    data = np.zeros((12, 2)), np.zeros((12, 1))
    limit = CosineOverTime(20, clock)
    history = model.fit(*data, batch_size=1, epochs=9, callbacks=[seen, limit], verbose=0)
    assert len(rates) == 20, "one step a second"
    assert len(history.epoch) == 2, "in the middle of the second epoch"
    np.testing.assert_allclose(rates[1:3], [0.25, 0.5], rtol=1e-3)  # a tenth of the time to rise
    expected = [0.25 * (1 + np.cos(np.pi * (t - 2) / 18)) for t in range(2, 20)]
    np.testing.assert_allclose(rates[2:], expected, atol=1e-3)
    assert float(model.optimizer.learning_rate) < 1e-6


def test_deadline_of_a_resumed_run_counts_what_was_spent_before(tmp_path):
    source = SimpleNamespace(labels=[0])
    write_json(tmp_path / "fits" / "0001-head" / "done.json", {"seconds": 61.0})
    with checkpointing(RunCheckpoints(tmp_path)):
        assert not Deadline(1).allows(1, source)
        assert Deadline(2).allows(1, source)
        assert Deadline(1).leaves_out(1, source, "the last fit")
    with checkpointing(RunCheckpoints(tmp_path)):  # what was decided stays
        assert Deadline(2).leaves_out(1, source, "the last fit")
    assert Deadline(1).allows(1, source)


class TenSeconds(keras.callbacks.Callback):
    """Lets each epoch take ten seconds of a clock; kills the process in the one of a number."""

    state_names = ()

    def __init__(self, clock, killed_in):
        super().__init__()
        self._clock, self._killed_in = clock, killed_in

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self._killed_in:
            self._clock[0] += 5  # after the last checkpoint: lost
            raise Killed

    def on_epoch_end(self, epoch, logs=None):
        self._clock[0] += 10


def test_a_fine_tuning_counts_whole_after_a_resume_in_it_or_after_it(tmp_path, monkeypatch):
    clock, source = [1000.0], SimpleNamespace(labels=range(10))
    monkeypatch.setattr("time.monotonic", lambda: clock[0])

    def limit_after(killed_in=None):
        """The limit of a new process, after four epochs of 10 images, 1 s for each."""
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        model.optimizer.build(model.trainable_variables)
        batches = tf.data.Dataset.from_tensors((np.zeros((4, 2)), np.zeros((4, 1))))
        callbacks = [TenSeconds(clock, killed_in)]
        clock[0] += 100  # between processes
        with checkpointing(RunCheckpoints(tmp_path, minutes=0)):
            limit = Deadline(2)
            with limit.measuring(4, source):
                how = {"name": "x", "epochs": 4, "verbose": 0, "shuffle": False}
                fit(model, lambda: batches, callbacks=callbacks, **how)
        return limit

    for epoch in (2, 3):
        with pytest.raises(Killed):
            limit_after(killed_in=epoch)
    for what in ("resumed in it", "read back", "read back again"):
        limit = limit_after()  # 80 of 120 seconds are left
        assert limit.allows(8, source) and not limit.allows(9, source), what
