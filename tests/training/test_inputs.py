"""Settings that the pictures decide."""

import numpy as np
import pytest

from tl_keras.data.dataset import ImageDataset
from tl_keras.training.inputs import with_mixup
from tl_keras.training.settings import FineTuneSettings

GREY, COLOUR = (
    ImageDataset.from_arrays(np.zeros((2, 8, 8, channels), np.uint8), [0, 1]) for channels in (1, 3)
)


@pytest.mark.parametrize(
    ("settings", "dataset", "mixup"),
    [
        ({}, GREY, 0.0),
        ({}, COLOUR, 1.0),
        ({"augment": "none"}, COLOUR, 0.0),
        ({"mixup": 0.0}, COLOUR, 0.0),
        ({"mixup": 0.3}, GREY, 0.3),
    ],
)
def test_mixup_is_for_pictures_that_are_mirrored_unless_a_number_is_given(settings, dataset, mixup):
    assert with_mixup(FineTuneSettings(**settings), dataset).mixup == mixup
