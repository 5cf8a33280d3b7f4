"""Settings that the images decide."""

import numpy as np
import pytest

from tl_keras.data.dataset import ImageDataset
from tl_keras.settings.fine_tune import FineTuneSettings
from tl_keras.training.fine_tuning.inputs import MIXING_STEPS, with_mixup

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
