"""Checks against real files, in the folder that TL_KERAS_DATA names."""

import os
from pathlib import Path

import pytest

from tl_keras.data.loading import load_dataset

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(
        "TL_KERAS_DATA" not in os.environ,
        reason="TL_KERAS_DATA, the folder with mnist.npz, is not set",
    ),
]


def test_mnist_has_60000_and_10000_images_of_ten_classes():
    splits = load_dataset(Path(os.environ["TL_KERAS_DATA"]) / "mnist.npz")
    assert len(splits.train) + len(splits.val) == 60_000
    assert len(splits.test) == 10_000
    assert splits.train.images.shape[1:] == (28, 28) and splits.train.is_grayscale
    assert splits.test.class_counts()["1"] == 1135
    assert splits.inspection.leaks == ()
