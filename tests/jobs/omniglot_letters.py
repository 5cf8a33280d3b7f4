"""Omniglot's letters in the form of MNIST's digits, so that only what is drawn tells them apart."""

import io
import zipfile

import numpy as np
from PIL import Image, ImageFilter, ImageOps

_BOX, _SIDE = 20, 28  # pixels: a digit of MNIST fits in 20 x 20, its centre of mass in the middle
_PEN = 3  # by so much less one pixel strokes grow at 105 x 105


def letters_like_mnist(path, count, seed=0):
    """Returns `count` drawings, drawn at random, uint8 (count, 28, 28), white on black.

    Omniglot is thin black ink on white, 105 x 105. As MNIST was made: inverted, cut to the ink,
    shrunk to 20 x 20 with the proportions kept, centred by mass in 28 x 28. Strokes are thickened
    before, until letters have as much ink as digits on average, and the brightest pixel is made
    white: thin grey letters would be told by their ink alone.

    Args:
        path: omniglot_background_small*.zip.
        count: int.
        seed: int.
    """
    with zipfile.ZipFile(path) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".png"))
        chosen = np.random.default_rng(seed).choice(names, count, replace=False)
        return np.stack([_like_mnist(archive.read(name)) for name in chosen])


def _like_mnist(png):
    ink = ImageOps.invert(Image.open(io.BytesIO(png)).convert("L"))
    ink = ink.filter(ImageFilter.MaxFilter(_PEN))
    ink = ink.crop(ink.getbbox())
    scale = _BOX / max(ink.size)
    size = [max(1, round(side * scale)) for side in ink.size]
    small = np.asarray(ink.resize(size, Image.Resampling.BOX), np.float64)
    small = np.round(small * 255 / small.max()).astype(np.uint8)
    rows, columns = (np.arange(n) + 0.5 for n in small.shape)
    mass = small.sum()
    middle = (small.sum(1) @ rows / mass, small.sum(0) @ columns / mass)
    corner = [
        int(np.clip(round(_SIDE / 2 - at), 0, _SIDE - side))
        for at, side in zip(middle, small.shape, strict=True)
    ]
    picture = np.zeros((_SIDE, _SIDE), np.uint8)
    picture[corner[0] : corner[0] + small.shape[0], corner[1] : corner[1] + small.shape[1]] = small
    return picture
