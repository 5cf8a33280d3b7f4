"""Settings that the images decide, and the images of a refit."""

import dataclasses

import numpy as np
import pytest

from tests.training.small_models import coloured_images, small_classifier
from tl_keras import fine_tune
from tl_keras.checks import InputError
from tl_keras.data.dataset import ImageDataset
from tl_keras.settings.fine_tune import FineTuneSettings
from tl_keras.training.fine_tuning.inputs import (
    MIXING_STEPS,
    new_rows,
    tell_known,
    with_mixup,
    with_val,
)
from tl_keras.training.frozen.feature_cache import Images

GREY, COLOUR = (
    ImageDataset.from_arrays(np.zeros((2, 8, 8, channels), np.uint8), [0, 1]) for channels in (1, 3)
)


@pytest.mark.parametrize(
    ("settings", "dataset", "mixup"),
    [
        ({}, GREY, 0.0),
        ({}, COLOUR, 1.0),
        ({"epochs": MIXING_STEPS // 2 - 1}, COLOUR, 0.0),
        ({"unfreeze": "none"}, COLOUR, 0.0),
        ({"unfreeze": "none", "freeze_epochs": MIXING_STEPS // 2}, COLOUR, 1.0),
        ({"augment": "none"}, COLOUR, 0.0),
        ({"mixup": 0.0}, COLOUR, 0.0),
        ({"mixup": 0.3, "epochs": 1}, GREY, 0.3),
    ],
)
def test_mixup_is_for_long_training_on_images_that_are_mirrored(settings, dataset, mixup):
    two_steps = {"epochs": MIXING_STEPS // 2, "batch_size": 1}
    settings = FineTuneSettings(**(two_steps | settings)).filled({"linear_start": False})
    assert with_mixup(settings, dataset).mixup == mixup


@pytest.mark.parametrize(
    ("side", "source", "groups"),
    [
        (8, "array", [4, 4, 4, 9]),
        (8, "array", None),
        (6, "array", [4, 4, 4, 9]),
        (6, "other", [4, 4, 4, 9]),
        (6, "array", None),
    ],
)
def test_groups_of_training_images_stay_when_validation_images_join_them(side, source, groups):
    train, val = (
        ImageDataset.from_arrays(np.zeros((4, size, size, 3), np.uint8), [0, 1] * 2, source=name)
        for size, name in ((8, "array"), (side, source))
    )
    train = dataclasses.replace(train, groups=np.array([4, 4, 9, 2]))
    val = dataclasses.replace(val, groups=groups and np.array(groups))
    both = with_val(*(Images(each, (8, 8), "none", 0) for each in (train, val))).dataset.groups
    assert both[:4].tolist() == [4, 4, 9, 2] and len(both) == 8
    if groups is None:
        assert len({4, 9, 2, *both[4:]}) == 7
    else:
        assert both[4] == both[5] == both[6] != both[7]
        assert set(both[4:]) & {4, 9, 2} == ({4, 9} if source == "array" else set())


def test_validation_images_in_groups_of_training_images_are_not_new(capfd):
    train, val = (
        dataclasses.replace(
            ImageDataset.from_arrays(np.zeros((4, 8, 8), np.uint8)), groups=np.array(groups)
        )
        for groups in ([0, 0, 2, 3], [2, 5, 5, 0])
    )
    assert new_rows(train, val).tolist() == [1, 2]
    tell_known(train, val, "the weights")
    assert "2 of 4 validation images lie in groups of training images" in capfd.readouterr().err
    assert new_rows(train, dataclasses.replace(val, groups=train.groups)).tolist() == [0, 1, 2, 3]
    for one, other in ((None, val.groups), (train.groups, None), (None, None)):
        pair = (dataclasses.replace(train, groups=one), dataclasses.replace(val, groups=other))
        assert new_rows(*pair).tolist() == [0, 1, 2, 3]
        tell_known(*pair, "the weights")
    assert not capfd.readouterr().err


def test_labels_that_name_other_classes_in_validation_are_refused():
    x, y = coloured_images(9)
    train, val = (
        ImageDataset.from_arrays(x, y, class_names=names) for names in (("a", "b", "c"), "bac")
    )
    with pytest.raises(InputError, match="received label 0 for 'b', which is 'a' in training"):
        fine_tune(small_classifier(), train, val)
