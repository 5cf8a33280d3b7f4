"""Images of a data set as bytes that a browser shows."""

import functools
import io
from collections.abc import Callable

import numpy as np
from PIL import Image

from tl_keras.data.dataset import ImageDataset
from tl_keras.reports.page_parts.thumbnails import thumbnail

SIDES = {"thumbnail": 160, "image": 720}  # pixels of the longer side
_KEPT = 4000  # thumbnails in memory
_QUALITY = 88


def image_bytes(image: np.ndarray, side: int) -> tuple[bytes, str]:
    """Returns an image with `side` pixels at its longer side as (bytes, type), such as a PNG.

    Args:
        image: uint8 (h, w, 3), 0-255.
        side: longer side in pixels. A larger image is averaged down; a small one is enlarged
            without smoothing.
    """
    shown = Image.fromarray(thumbnail(image, side))
    stream, kind = io.BytesIO(), "PNG" if max(image.shape[:2]) < side else "JPEG"
    shown.save(stream, kind, quality=_QUALITY)
    return stream.getvalue(), f"image/{kind.lower()}"


def image_reader(images: ImageDataset) -> Callable[[int, str], tuple[bytes, str]]:
    """Returns a function from (index, name in `SIDES`) to (bytes, type).

    Each image is decoded as for training. The latest thumbnails are kept in memory.
    """
    kept = functools.lru_cache(_KEPT)(lambda row: image_bytes(images.load(row), SIDES["thumbnail"]))

    def read(row, kind):
        return kept(row) if kind == "thumbnail" else image_bytes(images.load(row), SIDES[kind])

    return read
