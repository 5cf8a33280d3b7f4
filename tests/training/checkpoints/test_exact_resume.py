"""Fault 35: a run that was killed at any moment ends with the weights of one that was not."""

import keras
import numpy as np
import pytest

from tests.training.checkpoints.kills import (
    Killer,
    assert_equal_histories,
    assert_equal_weights,
    through_kills,
)
from tests.training.small_models import coloured_images, small_classifier
from tl_keras.training.checkpoints.run_checkpoints import RunCheckpoints, checkpointing
from tl_keras.training.fine_tuning.fine_tune import fine_tune
from tl_keras.training.whole.distillation import distill
from tl_keras.training.whole.from_scratch import fit_from_scratch
from tl_keras.training.whole.pruning import prune
from tl_keras.training.whole.pseudo_labels import fit_with_pseudo_labels

TRAIN, VAL = coloured_images(24), coloured_images(12, seed=1)
HEAD_FIRST = {"freeze_epochs": 2, "epochs": 3, "lr": 0.02, "augment": "flip", "batch_size": 8}


def tuned(**settings):
    """Returns a function that fine-tunes a new classifier; it returns (weights, history)."""
    of_model = {name: settings.pop(name) for name in ("head",) if name in settings}

    def train():
        model = small_classifier(**of_model)
        history = fine_tune(
            model, TRAIN, VAL, make_callbacks=lambda: [Killer()], **{"seed": 1} | settings
        )
        return model.get_weights(), history

    return train


LINEAR = {"head": "linear", "batch_size": 8, "epochs": 3, "augment": "flip"}
SLOW = pytest.mark.slow
TO_THE_END = 1000  # events


@pytest.mark.parametrize(
    ("settings", "events"),
    [
        pytest.param(HEAD_FIRST, (4, 13, TO_THE_END), id="head first", marks=SLOW),
        pytest.param(HEAD_FIRST, (9, 5, 2, 7), id="many kills", marks=SLOW),
        pytest.param(
            HEAD_FIRST | {"cache": "none", "mixup": 1.0}, (9, 5, 7), id="uncached", marks=SLOW
        ),
        pytest.param(LINEAR, (9, 5, 2, 7), id="linear start", marks=SLOW),
    ],
)
def test_fine_tuning_after_kills_equals_one_without(settings, events, tmp_path):
    train = tuned(**settings)
    wanted, history = train()
    (found, again), kills = through_kills(tmp_path, train, events)
    assert kills > 1
    assert_equal_weights(found, wanted)
    assert_equal_histories(again, history)
    assert again.best_epoch == history.best_epoch


def scratch(size, batch_size):
    model, train = small_classifier(head="linear"), coloured_images(size)
    history = fit_from_scratch(
        model, train, VAL, epochs=3, lr=0.01, augment="flip", batch_size=batch_size,
        callbacks=[Killer()],
    )  # fmt: skip
    return model.get_weights(), history


def distilled():
    student, teacher = small_classifier(seed=1, head="linear"), small_classifier(seed=2)
    history = distill(
        student, teacher, TRAIN, VAL, epochs=2, batch_size=8, callbacks=[Killer()], augment="flip"
    )
    return student.get_weights(), history


def pseudo_labelled():
    model = small_classifier(head="linear")
    history = fit_with_pseudo_labels(
        model, TRAIN, coloured_images(60, seed=2)[0], VAL, epochs=2, batch_size=16,
        unlabelled_ratio=3, confidence=0.4, average_decay=0.9, callbacks=[Killer()],
    )  # fmt: skip
    return model.get_weights(), history


def pruned():
    model = small_classifier(head="linear")
    history = prune(
        model, 0.5, TRAIN, VAL, prune_epochs=2, epochs=2, batch_size=4, callbacks=[Killer()]
    )
    return model.get_weights(), history


@pytest.mark.parametrize(
    ("train", "events"),
    [
        pytest.param(lambda: scratch(24, 8), (4,), id="several steps at once", marks=SLOW),
        pytest.param(lambda: scratch(72, 2), (7,), id="single epochs", marks=SLOW),
        pytest.param(distilled, (4,), id="distillation", marks=SLOW),
        pytest.param(pseudo_labelled, (4,), id="pseudo-labels", marks=SLOW),
        pytest.param(pruned, (4, 7), id="pruning", marks=SLOW),
    ],
)
def test_training_of_whole_models_after_kills_equals_one_without(train, events, tmp_path):
    wanted, history = train()
    (found, again), kills = through_kills(tmp_path, train, (*events, TO_THE_END))
    assert kills == len(events)
    assert_equal_weights(found, wanted)
    assert_equal_histories(again, history)


@pytest.mark.slow
def test_checkpoints_change_no_bit_of_a_training(tmp_path):
    train = tuned(**HEAD_FIRST)
    wanted, _ = train()
    with checkpointing(RunCheckpoints(tmp_path, 0)):
        found, _ = train()
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, other)
    assert [path.name for path in sorted((tmp_path / "fits").iterdir())] == [
        "0001-head",
        "0002-fine_tune",
    ]


def test_callback_that_hides_its_state_is_refused(tmp_path):
    class Counting(keras.callbacks.Callback):
        pass

    with (
        checkpointing(RunCheckpoints(tmp_path, 0)),
        pytest.raises(TypeError, match="callback with `state_names`.*received Counting"),
    ):
        fine_tune(small_classifier(), TRAIN, make_callbacks=lambda: [Counting()], **HEAD_FIRST)
