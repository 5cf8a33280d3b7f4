"""Checks of the user's arrays of images and labels before any computation."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tl_keras.checks import InputError, listed

_SHAPES = "(n, height, width), (n, height, width, 1) or (n, height, width, 3)"
_NAMED_ROWS = 10
_MAX_CLASSES = 100_000


def check_images(x: Any, name: str = "x") -> np.ndarray:
    """Returns images as uint8 if their shape, type and range are those of images with pixels 0-255.

    Args:
        x: array (n, h, w), (n, h, w, 1) or (n, h, w, 3), integers or floats in 0-255.
        name: name of the array in messages.

    Returns:
        uint8 array of the same shape; floats are rounded.

    Raises:
        InputError: the shape, the type or the range is not one of these.
    """
    x = check_pixels(x, name)
    return x if x.dtype == np.uint8 else np.round(x).astype(np.uint8)


def check_pixels(x: Any, name: str = "x") -> np.ndarray:
    """Returns `x` as an unchanged array if `check_images` would accept it."""
    x = np.asarray(x)
    _check_shape(x, name)
    if x.dtype.kind not in "uifb":
        raise InputError(f"Expected {name} to hold numbers; received dtype {x.dtype}.")
    if x.dtype == np.uint8:
        return x
    if x.dtype.kind == "f":
        _check_finite(x, name)
    low, high = x.min(), x.max()
    if low < 0 or high > 255:
        way_on = "Undo the normalisation (no mean subtraction, no [-1, 1]): models scale pixels."
        if x.dtype.kind == "u":
            way_on = "If they have 16 bits, divide by 257; if fewer, by their highest value / 255."
        raise InputError(
            f"Expected pixels of {name} from 0 to 255; received values from {low:g} to {high:g} "
            f"({x.dtype}). {way_on}"
        )
    check_scale(x, name)
    return x


def check_scale(x: np.ndarray, name: str = "x") -> None:
    """Refuses pixels that are certainly not on the scale 0-255: all at most 1, some of them not 0.

    Args:
        x: array. Integers, and floats that are all 0, are always accepted.
        name: name of the array in messages.
    """
    if x.dtype.kind == "b" or (x.dtype.kind == "f" and x.max() <= 1 and x.any()):
        raise InputError(
            f"Expected pixels of {name} from 0 to 255; received {x.dtype} values from "
            f"{float(x.min()):g} to {float(x.max()):g}. If they are scaled to 0-1, multiply by 255."
        )


def check_labels(
    y: Any, num_images: int, *, class_names: Sequence | None = None, name: str = "y"
) -> np.ndarray:
    """Returns labels as int32 class numbers.

    Args:
        y: class numbers (n,) or (n, 1), integers or whole floats, or one-hot rows (n, num_classes).
            A one-hot row becomes the position of its one.
        num_images: number of images.
        class_names: names of the classes, or None. Labels must be below their number.
        name: name of the array in messages.

    Returns:
        int32 array (n,).

    Raises:
        InputError: the lengths differ, or labels are fractions or out of range.
    """
    y = np.asarray(y)
    if y.ndim == 0 or len(y) != num_images:
        count = len(y) if y.ndim else "a single value"
        raise InputError(
            f"Expected one label for each image; received {num_images} images and {count} "
            f"labels in {name}."
        )
    if y.dtype.kind not in "uifb":
        raise InputError(
            f"Expected {name} to hold class numbers 0, 1, 2, ...; received dtype {y.dtype}. "
            "Number them, as by `names, y = np.unique(y, return_inverse=True)`."
        )
    if y.ndim == 2 and y.shape[1] > 1:
        y = _from_one_hot(y, class_names, name)
    elif y.ndim != 1 and y.shape != (num_images, 1):
        raise InputError(
            f"Expected {name} of shape (n,), (n, 1) or one-hot (n, num_classes); "
            f"received {y.shape}."
        )
    y = y.reshape(-1)
    _check_whole(y, name)
    _check_range(y, class_names, name)
    return y.astype(np.int32)


def _check_shape(x, name):
    channels_last = x.ndim == 3 or (x.ndim == 4 and x.shape[-1] in (1, 3))
    if x.ndim == 4 and not channels_last and x.shape[1] in (1, 3):
        raise InputError(
            f"Expected {name} of shape {_SHAPES}; received {x.shape}, which has its channels "
            f"first. Use np.moveaxis({name}, 1, -1)."
        )
    if not channels_last:
        raise InputError(f"Expected {name} of shape {_SHAPES}; received {x.shape}.")
    if 0 in x.shape:
        raise InputError(f"Expected at least one image in {name}; received shape {x.shape}.")


def _check_finite(x, name):
    bad = np.flatnonzero(~np.isfinite(x).all(axis=tuple(range(1, x.ndim))))
    if len(bad):
        raise InputError(
            f"Expected finite pixels in {name}; received NaN or infinity in {_rows(bad)}. "
            "Remove or repair these images."
        )


def _from_one_hot(y, class_names, name):
    wrong = np.flatnonzero(~(np.isin(y, (0, 1)).all(axis=1) & (y.sum(axis=1) == 1)))
    if len(wrong):
        raise InputError(
            f"Expected {name} of shape {y.shape} to be one-hot, zeros and a single one; received "
            f"something else in {_rows(wrong)}."
        )
    if class_names is not None and y.shape[1] != len(class_names):
        raise InputError(
            f"Expected one-hot {name} with {len(class_names)} columns, one for each class name; "
            f"received {y.shape[1]}."
        )
    return y.argmax(axis=1)


def _check_whole(y, name):
    bad = np.flatnonzero(~np.isfinite(y) | (y != np.floor(y)))
    if len(bad):
        raise InputError(
            f"Expected whole class numbers in {name}; received {y[bad[0]]:g} in {_rows(bad)}."
        )


def _check_range(y, class_names, name):
    top = (_MAX_CLASSES if class_names is None else len(class_names)) - 1
    bad = np.flatnonzero((y < 0) | (y > top))
    if len(bad):
        raise InputError(
            f"Expected labels in {name} from 0 to {top} ({top + 1} classes); received "
            f"{y[bad[0]]:g} in {_rows(bad)}."
        )


def _rows(rows):
    return f"row{'s' if len(rows) > 1 else ''} {listed(list(map(str, rows)), _NAMED_ROWS)}"
