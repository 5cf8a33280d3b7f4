"""Lines while a long training runs."""

import pytest

from tl_keras.training.epoch_lines import EpochLines


@pytest.mark.parametrize(("epochs", "lines"), [(1, 1), (20, 20), (45, 15), (300, 20)])
def test_there_are_at_most_twenty_lines_and_the_last_epoch_has_one(epochs, lines, capsys):
    callback = EpochLines(epochs)
    for epoch in range(epochs):
        callback.on_epoch_end(epoch, {"loss": 0.123456})
    said = capsys.readouterr().err.splitlines()
    assert len(said) == lines
    assert said[-1] == f"Epoch {epochs}/{epochs}: loss 0.1235"


def test_lines_are_seconds_apart_where_a_time_ends_the_training(capsys):
    callback = EpochLines(apart=1000)
    for epoch in range(3):
        callback.on_epoch_end(epoch, {"loss": 1.0})
    assert capsys.readouterr().err.splitlines() == ["Epoch 1: loss 1"]
