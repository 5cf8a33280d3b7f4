"""Training ends with the epoch in which its time is over."""

import keras
import numpy as np

from tl_keras.training.time_limit import TimeLimit


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
