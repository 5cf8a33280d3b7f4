"""Room on the disk for what a run will save, looked at before it trains."""

import math
import shutil
from pathlib import Path

import keras
import tensorflow as tf

from tl_keras.checks import InputError

_COPIES = 4  # as many networks are averaged; others have two numbers of the optimizer for a weight


def check_model_room(folder: Path, model: keras.Model) -> None:
    """Refuses to train a model for which the disk of the run folder has no room.

    Raises:
        InputError: names the need and what is free.
    """
    weights = sum(math.prod(w.shape) * tf.as_dtype(w.dtype).size for w in model.weights)
    needed, free = _COPIES * weights, shutil.disk_usage(folder).free
    if needed > free:
        raise InputError(
            f"Expected {needed / 1e6:.1f} MB free in {folder} for the model and its optimizer; "
            f"received {free / 1e6:.1f} MB. Free some space or choose another --out."
        )
