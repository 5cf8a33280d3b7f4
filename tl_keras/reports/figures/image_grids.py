"""Grids and film strips of many small images."""

import io
import math
from collections.abc import Sequence

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tl_keras.checks import InputError, check_number

MADE_BY = {"Software": "tl_keras"}  # text chunk of PNG files
_GAP = 2  # pixels between images before enlargement
_PAPER = 255
_SIDE = 72  # screen pixels per image


def image_grid(images: np.ndarray, columns: int | None = None, *, scale: int = 1) -> np.ndarray:
    """Arranges images of one size in a grid.

    Args:
        images: uint8 (n, h, w), (n, h, w, 1) or (n, h, w, 3), 0-255, n >= 1.
        columns: int, images per row. Defaults to the number that makes a square.
        scale: int, factor of enlargement. Defaults to 1.

    Returns:
        uint8 (height, width, 3), white between images and in empty cells.

    Raises:
        InputError: `images` are not images, or a number is below 1.
    """
    images = _as_rgb(images)
    count, height, width = images.shape[:3]
    columns = math.ceil(math.sqrt(count)) if columns is None else columns
    columns = min(check_number("columns", columns, minimum=1, integer=True), count)
    check_number("scale", scale, minimum=1, integer=True)
    rows = math.ceil(count / columns)
    size = rows * (height + _GAP) + _GAP, columns * (width + _GAP) + _GAP
    sheet = np.full((*size, 3), _PAPER, np.uint8)
    for number, image in enumerate(images):
        top, left = (
            _GAP + place * (side + _GAP)
            for place, side in zip(divmod(number, columns), (height, width), strict=True)
        )
        sheet[top : top + height, left : left + width] = image
    return sheet.repeat(scale, axis=0).repeat(scale, axis=1)


def grid_png(images: np.ndarray, columns: int | None = None) -> bytes:
    """Returns `image_grid` as the bytes of a PNG file, with small images enlarged."""
    scale = max(1, round(_SIDE / max(images.shape[1:3])))
    stream, signature = io.BytesIO(), PngInfo()
    for name, value in MADE_BY.items():
        signature.add_text(name, value)
    grid = image_grid(images, columns, scale=scale)
    Image.fromarray(grid).save(stream, "PNG", pnginfo=signature)
    return stream.getvalue()


def film_strip(frames: Sequence[np.ndarray], *, columns: int = 8, scale: int = 1) -> np.ndarray:
    """Stacks the first images of several epochs, the earliest on top.

    Args:
        frames: sequence of uint8 (n, h, w, c), all of one size, one for each epoch.
        columns: int, images per epoch. Defaults to 8.
        scale: int, factor of enlargement. Defaults to 1.

    Returns:
        uint8 (height, width, 3).

    Raises:
        InputError: there is no frame, or the frames are not images of one size.
    """
    if not len(frames) or len({np.shape(frame)[1:] for frame in frames}) > 1:
        raise InputError(
            "Expected at least one moment, all of images of one size; received "
            f"{[np.shape(frame) for frame in frames]}."
        )
    columns = min(columns, *(len(frame) for frame in frames), len(frames[0]))
    return image_grid(
        np.concatenate([np.asarray(frame)[:columns] for frame in frames]), columns, scale=scale
    )


def in_pairs(images: np.ndarray, others: np.ndarray, columns: int) -> np.ndarray:
    """Orders two sets so that in a grid each of `others` is below its image.

    Args:
        images, others: uint8 (n, h, w, c), 0-255.
        columns: int, images per row of the grid.

    Returns:
        uint8 (m, h, w, c): a row of `images`, then one of `others`, and so on. The last rows are
        filled with white.
    """
    return below_each_other((images, others), columns)


def below_each_other(sets: Sequence[np.ndarray], columns: int) -> np.ndarray:
    """Orders any number of sets in alternating rows, see `in_pairs`."""
    count, *shape = np.shape(sets[0])
    rows = math.ceil(count / columns)
    pad = ((0, rows * columns - count), *[(0, 0)] * 3)
    padded = [np.pad(x, pad, constant_values=_PAPER).reshape(rows, columns, *shape) for x in sets]
    return np.stack(padded, axis=1).reshape(-1, *shape)


def _as_rgb(images):
    images = np.asarray(images)
    images = images[..., None] if images.ndim == 3 else images
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or images.dtype != np.uint8:
        raise InputError(
            "Expected images as uint8 (n, height, width), (n, height, width, 1) or (n, height, "
            f"width, 3), 0-255; received {images.dtype} {images.shape}."
        )
    if not images.size:
        raise InputError(f"Expected at least one image; received shape {images.shape}.")
    return np.broadcast_to(images, (*images.shape[:3], 3))
