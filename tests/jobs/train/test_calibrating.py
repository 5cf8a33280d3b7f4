"""Images by which a trained classifier is calibrated."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from tl_keras.data.dataset import ImageDataset, Splits
from tl_keras.jobs.train import calibrating
from tl_keras.jobs.train.calibrating import held_out_predictions


@pytest.mark.parametrize("training", ["head first", "fine-tuned", "kept at the start"])
def test_copies_of_training_images_take_no_part(monkeypatch, training):
    train, val = (
        dataclasses.replace(
            ImageDataset.from_arrays(np.zeros((4, 8, 8), np.uint8), labels),
            groups=np.array(groups),
        )
        for groups, labels in (([0, 1, 2, 3], [0, 1, 0, 1]), ([6, 1, 7, 3], [1, 0, 0, 0]))
    )
    monkeypatch.setattr(calibrating, "views_of", lambda _, part, flips: views[:, part.rows])
    views = np.arange(8).reshape(1, 4, 2) / 10
    tuned = None
    if training != "head first":
        starts = SimpleNamespace(train=SimpleNamespace(probabilities=np.full((4, 2), 0.5)))
        chosen = int(training == "fine-tuned")
        tuned = SimpleNamespace(chosen=chosen, val=views, members=None, refit=False, starts=starts)
    start = SimpleNamespace(model=None, splits=Splits(train, val, None))
    found, labels = held_out_predictions(tuned, start, False)
    np.testing.assert_array_equal(found[:, :2], views[:, [0, 2]])
    assert labels[:2].tolist() == [1, 0]
    assert len(labels) == found.shape[1] == (6 if training == "kept at the start" else 2)
