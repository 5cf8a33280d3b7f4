"""Conversion of the inputs that Keras's `fit` accepts to an `ImageDataset`."""

from typing import Any

import numpy as np
import tensorflow as tf

from tl_keras.checks import InputError
from tl_keras.data.dataset import ImageDataset


def as_image_dataset(data: Any, *, split: str) -> ImageDataset:
    """Returns `data` as an `ImageDataset`.

    Args:
        data: an `ImageDataset`, a pair (x, y) of arrays, or a finite batched `tf.data.Dataset` of
            such pairs. The latter is read once into memory. Images are RGB or grey, 0-255.
        split: split name for data that have none.

    Raises:
        InputError: `data` is anything else.
    """
    if isinstance(data, ImageDataset):
        return data
    if isinstance(data, tf.data.Dataset):
        if data.cardinality() == tf.data.INFINITE_CARDINALITY:
            raise InputError(
                "Expected a finite tf.data.Dataset; received an endless one. Remove repeat()."
            )
        if not isinstance(data.element_spec, tuple) or len(data.element_spec) != 2:
            raise InputError(
                "Expected a tf.data.Dataset of (images, labels) batches; received elements "
                f"{data.element_spec}."
            )
        batches = [(x.numpy(), y.numpy()) for x, y in data]
        if not batches:
            raise InputError("Expected images in the tf.data.Dataset; received an empty one.")
        data = tuple(np.concatenate(part) for part in zip(*batches, strict=True))
    if isinstance(data, tuple | list) and len(data) == 2:
        return ImageDataset.from_arrays(*data, split=split)
    raise InputError(
        "Expected an ImageDataset, a pair (x, y) or a tf.data.Dataset; "
        f"received {type(data).__name__}."
    )
