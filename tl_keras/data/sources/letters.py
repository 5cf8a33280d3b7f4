"""Drawn letters: a source task that needs no download."""

from functools import lru_cache
from pathlib import Path

import numpy as np

from tl_keras.checks import check_number

# Letters that differ in either case, without those that look like the digits 0 and 1.
LETTERS = tuple("ABCDEFGHJKLMNPQRSTUVWXYZabdeghnqrt")
PER_CLASS = 100
SMALLEST_LETTERS = 8  # pixels
_FONTS = tuple(
    f"{name}.ttf"
    for name in (
        *(f"DejaVuSans{kind}" for kind in ("", "-Oblique", "Mono", "Mono-Oblique")),
        *("DejaVuSerif", "DejaVuSerif-Italic", "STIXGeneral", "STIXGeneralItalic"),
    )
)
_FONT_SIZE = 64  # pixels in which a letter is drawn first
_STROKES = (1, 5)  # pixels by which a stroke grows on each side, end excluded
_ROTATION, _SHEAR = 12.0, 0.25  # degrees; horizontal shift per vertical pixel
_HEIGHT = (0.85, 1.05)  # height of a letter relative to the image's side
_WIDTH = (0.6, 1.0)  # factor on the width
_SHIFT = 0.06  # of the image's side
_ELASTIC = 0.045  # largest typical displacement, relative to the image's side
_ELASTIC_GRID = 4  # cells of the grid on which displacements are drawn, then interpolated


def draw_letters(
    per_class: int = PER_CLASS, *, image_size: int = 28, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Draws letters in random fonts, strokes and shapes, white on black.

    Each image is a letter of a font that Matplotlib ships (DejaVu or STIX), with a random stroke
    width. It is rotated by up to 12 degrees, sheared, stretched, scaled, shifted and bent by a
    smooth random displacement. Fonts and shapes are drawn anew for each image.

    Args:
        per_class: images of each of the 34 letters in `LETTERS`. Default 100.
        image_size: side in pixels, from 8. Default 28.
        seed: integer from 0; the same seed gives the same images.

    Returns:
        (images, labels): uint8 (34 * per_class, image_size, image_size) with values 0-255, and
        int32 (34 * per_class,), the position of the letter in `LETTERS`; letters take turns.

    Raises:
        InputError: a number is out of bounds.

    Reference:
        Elastic displacement: Simard, Steinkraus and Platt 2003, "Best practices for convolutional
        neural networks applied to visual document analysis".
    """
    check_number("per_class", per_class, minimum=1, integer=True)
    check_number("image_size", image_size, minimum=SMALLEST_LETTERS, integer=True)
    check_number("seed", seed, minimum=0, maximum=2**32 - 1, integer=True)
    generator = np.random.default_rng([seed, len(LETTERS)])
    labels = np.tile(np.arange(len(LETTERS), dtype=np.int32), per_class)
    images = np.empty((len(labels), image_size, image_size), np.uint8)
    for row, label in enumerate(labels):
        images[row] = _draw(LETTERS[label], image_size, generator)
    return images, labels


def _draw(letter, image_size, generator):
    """Returns a random image of a letter, drawn larger and reduced by averaging."""
    from scipy.ndimage import map_coordinates  # slow to import

    finer = max(2, 32 // image_size)
    side = image_size * finer
    font, stroke = generator.integers(len(_FONTS)), generator.integers(*_STROKES)
    glyph = _glyph(letter, _FONTS[font], int(stroke))
    at = _places(side, glyph.shape, generator)
    large = map_coordinates(glyph, at, order=1, mode="constant").reshape(side, side)
    blocks = large.reshape(image_size, finer, image_size, finer).mean(axis=(1, 3))
    return np.rint(blocks)


def _places(side, shape, generator):
    """Returns positions in the glyph of each pixel of the image, float (2, side * side)."""
    angle = np.radians(generator.uniform(-_ROTATION, _ROTATION))
    shear = generator.uniform(-_SHEAR, _SHEAR)
    scale = generator.uniform(*_HEIGHT) / shape[0]
    stretch = generator.uniform(*_WIDTH) * min(1, shape[0] / shape[1])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    forward = turn @ np.array([[1, 0], [shear, stretch]]) * scale
    axis = (np.arange(side) + 0.5) / side - 0.5
    places = np.stack(np.meshgrid(axis, axis, indexing="ij")).reshape(2, -1)
    moved = places + _bend(side, generator) + generator.uniform(-_SHIFT, _SHIFT, (2, 1))
    centre = (np.array(shape)[:, None] - 1) / 2
    return np.linalg.inv(forward) @ moved + centre


def _bend(side, generator):
    """Returns a smooth random displacement of each pixel, float (2, side * side), in sides."""
    coarse = generator.normal(0, _ELASTIC / 2, (2, _ELASTIC_GRID + 1, _ELASTIC_GRID + 1))
    weights = _smooth_weights(side)
    return np.einsum("yi,cij,xj->cyx", weights, coarse, weights).reshape(2, -1)


@lru_cache(maxsize=4)
def _smooth_weights(side):
    """Returns weights (side, cells + 1) that interpolate between the points of the coarse grid."""
    places = (np.arange(side) + 0.5) / side * _ELASTIC_GRID
    weights = np.exp(-((places[:, None] - np.arange(_ELASTIC_GRID + 1)) ** 2) / 0.7)
    return weights / weights.sum(axis=1, keepdims=True)


@lru_cache(maxsize=2048)
def _glyph(letter, font_file, stroke):
    """Returns the letter in one font, cropped to its ink: float32 (h, w), 0-255."""
    from matplotlib import get_data_path
    from PIL import Image, ImageDraw, ImageFont

    path = Path(get_data_path()) / "fonts" / "ttf" / font_file
    font = ImageFont.truetype(str(path), _FONT_SIZE)
    canvas = Image.new("L", (3 * _FONT_SIZE, 3 * _FONT_SIZE))
    ImageDraw.Draw(canvas).text(
        (_FONT_SIZE, _FONT_SIZE), letter, fill=255, font=font, stroke_width=stroke
    )
    return np.asarray(canvas.crop(canvas.getbbox()), np.float32)
