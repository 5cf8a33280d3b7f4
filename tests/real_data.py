"""Marks of the tests on real data, and the place of the data."""

import os
from pathlib import Path

import pytest

from tl_keras import load_dataset


def needs(what):
    """Marks for a module that needs `what` in the folder named by TL_KERAS_DATA, and minutes."""
    return [
        pytest.mark.real_data,
        pytest.mark.slow,
        pytest.mark.skipif(
            "TL_KERAS_DATA" not in os.environ,
            reason=f"TL_KERAS_DATA, the folder with {what}, is not set",
        ),
    ]


def load_mnist():
    """Returns the splits of mnist.npz."""
    return load_dataset(Path(os.environ["TL_KERAS_DATA"]) / "mnist.npz")
