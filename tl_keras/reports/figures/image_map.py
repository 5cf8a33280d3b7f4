"""Images on the cells of a grid, framed in the colours of their clusters."""

from collections.abc import Iterable

import matplotlib
import numpy as np
from matplotlib.colors import to_hex, to_rgb

from tl_keras.checks import InputError
from tl_keras.reports.figures.style import BLUE, GREEN, ORANGE
from tl_keras.reports.page_parts.thumbnails import thumbnail

_OWN = (BLUE, ORANGE, GREEN, "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#000000")
_FRAME, _GAP = 3, 2  # pixels
_SIZES = (20, 112)  # smallest and largest side of an image in pixels
_WIDTH = 1440  # pixels of the map


def group_colours(count: int) -> list[str]:
    """Returns `count` distinct colours "#rrggbb": Okabe and Ito's eight, or a palette for more."""
    if count <= len(_OWN):
        return [colour.lower() for colour in _OWN[:count]]
    if count <= 20:
        rows = matplotlib.colormaps["tab10" if count <= 10 else "tab20"].colors[:count]
    else:
        rows = matplotlib.colormaps["turbo"](np.linspace(0.03, 0.97, count))
    return [to_hex(row) for row in rows]


def image_map(
    images: Iterable[np.ndarray], places: np.ndarray, side: int, groups: np.ndarray | None = None
) -> np.ndarray:
    """Draws the central square of each image in its cell.

    Args:
        images: iterable of n uint8 (h, w, 3), 0-255; only one is held at a time.
        places: ints (n, 2), distinct cells as (row, column).
        side: int, cells per side.
        groups: ints (n,) from 0, groups whose colours frame the images; None for no frames.

    Returns:
        uint8 (height, width, 3), without empty rows and columns at the edges.

    Raises:
        InputError: the numbers of groups and places differ.
    """
    if groups is not None and len(groups) != len(places):
        raise InputError(
            f"Expected a group for each place; received {len(groups)} groups and "
            f"{len(places)} places."
        )
    size = int(np.clip(_WIDTH // side - 2 * _FRAME - _GAP, *_SIZES))
    cell = size + 2 * _FRAME + _GAP
    places = np.asarray(places) - np.min(places, axis=0)
    height, width = (places.max(0) + 1) * cell + _GAP
    sheet = np.full((height, width, 3), 255, np.uint8)
    colours = None if groups is None else [_bytes(c) for c in group_colours(max(groups) + 1)]
    spots = zip(images, places * cell + _GAP, strict=True)
    for number, (image, (top, left)) in enumerate(spots):
        frame = sheet[top : top + cell - _GAP, left : left + cell - _GAP]
        if colours is not None:
            frame[:] = colours[groups[number]]
        inside = frame[_FRAME:-_FRAME, _FRAME:-_FRAME]
        inside[:] = thumbnail(_square(image), size)
    return sheet


def _square(image):
    """Returns the central square of an image, which shows more in a small frame."""
    side = min(image.shape[:2])
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    return image[top : top + side, left : left + side]


def _bytes(colour):
    return np.round(np.array(to_rgb(colour)) * 255).astype(np.uint8)
