"""Refusal of saved weights that are NaN or infinite."""

from collections.abc import Iterable
from pathlib import Path

import keras
import numpy as np

from tl_keras.checks import InputError


def check_finite_weights(model: keras.Model, path: str | Path) -> None:
    """Refuses a model of which a weight is NaN or infinite.

    Args:
        path: file that it comes from, for the message.

    Raises:
        InputError: names the weight.
    """
    for weight in model.weights:
        check_finite(weight.path, [weight.numpy()], path)


def check_finite(layer: str, arrays: Iterable[np.ndarray], path: str | Path) -> None:
    """Refuses arrays of a layer that are NaN or infinite somewhere; see `check_finite_weights`."""
    for array in arrays:
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise InputError(
                f"Expected finite weights; received NaN or infinity in {layer!r} of {path}, as a "
                "training that diverged or a damaged file has. Fetch it again or train again."
            )
