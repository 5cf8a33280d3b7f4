"""A heatmap laid over its image."""

import matplotlib
import numpy as np
from PIL import Image

from tl_keras.checks import InputError, check_number
from tl_keras.reports.page_parts.thumbnails import thumbnail

_COLOURS = "turbo"
_STRONGEST = 0.65  # share of the colour at the peak
_DIMMED = 0.75  # brightness of the image where there is no heat


def draw_overlay(image: np.ndarray, heat: np.ndarray, size: int = 448) -> np.ndarray:
    """Returns an image under the colours of a heatmap, from none at 0 to red at 1.

    Args:
        image: uint8 (h, w, 3), (h, w, 1) or (h, w), 0-255, of any size.
        heat: float (h', w'), 0 to 1, stretched over the whole image.
        size: longer side of the result in pixels. Defaults to 448.

    Returns:
        uint8 (h'', w'', 3).

    Raises:
        InputError: `image` is no image, or `heat` has another shape or values.
    """
    check_number("size", size, minimum=1, integer=True)
    heat = np.asarray(heat, np.float32)
    if heat.ndim != 2 or not heat.size or not (heat >= 0).all() or heat.max() > 1:
        raise InputError(
            f"Expected a heatmap (height, width) of values from 0 to 1; received {heat.shape}."
        )
    shown = thumbnail(image, size).astype(np.float32)
    target = (shown.shape[1], shown.shape[0])
    stretched = np.asarray(Image.fromarray(heat).resize(target, Image.Resampling.BILINEAR))
    weight = _STRONGEST * stretched.clip(0, 1)[..., None]
    colours = matplotlib.colormaps[_COLOURS](stretched.clip(0, 1))[..., :3] * 255
    return np.round((1 - weight) * _DIMMED * shown + weight * colours).astype(np.uint8)
