"""The result of a training: its declared fields, phases one after another, and its seconds."""

import math

import keras
import pytest

from tl_keras.training.history import TrainingHistory


def fitted(first, **values):
    """A History as `fit` returns it, with epochs from `first` on."""
    history = keras.callbacks.History()
    history.history = values
    history.epoch = list(range(first, first + len(next(iter(values.values())))))
    return history


@pytest.fixture
def model():
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])


def test_every_attribute_is_declared():
    declared = set(TrainingHistory.__annotations__)
    of_keras = set(vars(keras.callbacks.History()))
    assert set(vars(TrainingHistory())) - of_keras <= declared
    assert {"history", "epoch", "phases", "best_epoch", "seconds", "from_linear"} <= declared
    assert {"source_model", "answers", "pruning"} <= declared


def test_a_phase_that_lacks_a_metric_has_nan_for_it(model):
    history = TrainingHistory()
    history.add_phase("head", fitted(0, loss=[3.0, 2.0]), model)
    history.add_phase("fine_tune", fitted(2, loss=[1.0], penalty=[0.5]), model)
    assert history.epoch == [0, 1, 2] and history.history["loss"] == [3.0, 2.0, 1.0]
    assert math.isnan(history.history["penalty"][1]) and history.history["penalty"][2] == 0.5
    assert history.phases[1] == {
        "name": "fine_tune",
        "start": 2,
        "end": 3,
        "trainable_weights": 2,
    }


def test_another_training_is_appended_with_its_own_numbers_moved(model):
    first, second = TrainingHistory(), TrainingHistory()
    first.add_phase("fine_tune", fitted(0, loss=[3.0, 2.0]), model)
    second.add_phase("pseudo_labels", fitted(0, rate=[0.1]), model)
    first.best_epoch, second.best_epoch = 1, 0
    first.seconds, second.seconds = {"cache": 1.0, "total": 4.0}, {"x": 2.0, "total": 3.0}
    first.extend(second)
    assert (first.epoch, first.best_epoch) == ([0, 1, 2], 2)
    assert [(phase["start"], phase["end"]) for phase in first.phases] == [(0, 2), (2, 3)]
    assert first.seconds == {"cache": 1.0, "x": 2.0, "total": 7.0}
    assert math.isnan(first.history["loss"][2]) and math.isnan(first.history["rate"][0])


def test_a_stage_that_runs_twice_counts_both_times(monkeypatch):
    clock = iter([0.0, 2.0, 10.0, 13.0])
    monkeypatch.setattr("tl_keras.training.history.time.monotonic", lambda: next(clock))
    history = TrainingHistory()
    for _ in range(2):
        with history.timing("cache"):
            pass
    assert history.seconds == {"cache": 5.0}
