"""Fixtures of the tests of training."""

import keras
import pytest


@pytest.fixture
def half_precision():
    """Makes `mixed_float16` the global policy and puts the one before back."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    yield
    keras.config.set_dtype_policy(before)
