"""Drawn shapes: coloured and textured, with attributes known by construction."""

import itertools
from typing import NamedTuple

import numpy as np

from tl_keras.checks import check_number
from tl_keras.data.sources.class_descriptions import ClassDescriptions

SHAPES = ("circle", "square", "triangle", "star", "cross", "ring")
COLOURS = {
    "red": (215, 40, 40),
    "yellow": (225, 205, 30),
    "green": (40, 165, 55),
    "cyan": (40, 190, 205),
    "blue": (45, 70, 215),
    "magenta": (205, 50, 190),
}
TEXTURES = ("plain", "striped", "dotted")
SHAPE_CLASSES = tuple(map("_".join, itertools.product(COLOURS, TEXTURES, SHAPES)))
SMALLEST_SHAPES = 16  # pixels
PER_CLASS = 40
_FINER = 2  # pixels are drawn so many times smaller, then averaged
_RADIUS = (0.24, 0.42)  # of the image's side
_DARK = 0.3  # brightness of stripes and dots
_PERIOD = 0.55  # of stripes and dots, in radii
_JITTER = 22  # grey levels by which a colour varies
_NOISE = 6.0  # grey levels
_BACKGROUND = ((60, 230), 14)  # brightness, and its deviation between channels


class DrawnShapes(NamedTuple):
    """Images of shapes.

    Attributes:
        images: uint8 (n, side, side, 3), 0-255.
        labels: int32 (n,), the position of the class in `SHAPE_CLASSES`.
        masks: bool (n, side, side), the pixels of the shape: where an explanation should look.
    """

    images: np.ndarray
    labels: np.ndarray
    masks: np.ndarray


def draw_shapes(per_class: int = PER_CLASS, *, image_size: int = 32, seed: int = 0) -> DrawnShapes:
    """Draws one shape an image: 6 shapes in 6 colours and 3 textures, 108 classes.

    Size, position, rotation, shade, and a smooth background of any brightness with noise are drawn
    anew for each image. `shape_descriptions` has the attributes of the classes.

    Args:
        per_class: images of each class. Default 40.
        image_size: side in pixels, from 16. Default 32.
        seed: integer from 0; the same seed gives the same images.

    Returns:
        `DrawnShapes`; classes take turns.

    Raises:
        InputError: a number is out of bounds.
    """
    check_number("per_class", per_class, minimum=1, integer=True)
    check_number("image_size", image_size, minimum=SMALLEST_SHAPES, integer=True)
    check_number("seed", seed, minimum=0, maximum=2**32 - 1, integer=True)
    generator = np.random.default_rng([seed, len(SHAPE_CLASSES)])
    labels = np.tile(np.arange(len(SHAPE_CLASSES), dtype=np.int32), per_class)
    images = np.empty((len(labels), image_size, image_size, 3), np.uint8)
    masks = np.empty((len(labels), image_size, image_size), bool)
    for row, label in enumerate(labels):
        images[row], masks[row] = _draw(SHAPE_CLASSES[label], image_size, generator)
    return DrawnShapes(images, labels, masks)


def shape_descriptions() -> ClassDescriptions:
    """Returns 15 attributes, 0 or 1, of each of `SHAPE_CLASSES`: shape, colour and texture."""
    columns = (*SHAPES, *COLOURS, *TEXTURES)
    parts = [name.split("_") for name in SHAPE_CLASSES]
    values = [[float(column in words) for column in columns] for words in parts]
    return ClassDescriptions(SHAPE_CLASSES, columns, values)


def held_out_shapes() -> tuple[str, ...]:
    """Returns 18 of `SHAPE_CLASSES` to learn without: each attribute is in the others.

    Any shape is left out in three classes, and any two attributes occur together in another.
    """
    every = itertools.product(enumerate(COLOURS), enumerate(TEXTURES), enumerate(SHAPES))
    return tuple("_".join((c, t, s)) for (i, c), (j, t), (k, s) in every if (i + j + k) % 6 == 0)


def _draw(name, size, generator):
    """Returns an image uint8 (size, size, 3) and the mask of its shape, bool (size, size)."""
    colour, texture, shape = name.split("_")
    side = size * _FINER
    x, y = _places(side, generator)
    inside = _inside(shape, x, y)
    light = np.where(_is_dark(texture, x, y, generator), _DARK, 1.0) * inside
    shade = np.clip(np.add(COLOURS[colour], generator.uniform(-_JITTER, _JITTER, 3)), 0, 255)
    covered, light = (_averaged(fine)[..., None] for fine in (inside, light))
    image = light * shade + (1 - covered) * _background(size, generator)
    image += generator.normal(0, _NOISE, image.shape)
    return np.clip(np.rint(image), 0, 255), covered[..., 0] >= 0.5


def _places(side, generator):
    """Returns coordinates of each pixel in the frame of the shape, whose radius is 1."""
    radius = generator.uniform(*_RADIUS)
    centre = generator.uniform(radius, 1 - radius, 2)
    angle = generator.uniform(0, 2 * np.pi)
    axis = (np.arange(side) + 0.5) / side
    x, y = np.meshgrid((axis - centre[0]) / radius, (axis - centre[1]) / radius)
    return x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)


def _inside(shape, x, y):
    r, angle = np.hypot(x, y), np.arctan2(y, x)
    if shape == "circle":
        return r < 0.9
    if shape == "ring":
        return (r < 0.97) & (r > 0.5)
    if shape == "square":
        return np.maximum(abs(x), abs(y)) < 0.72
    if shape == "cross":
        return (np.minimum(abs(x), abs(y)) < 0.27) & (np.maximum(abs(x), abs(y)) < 0.95)
    if shape == "triangle":
        thirds = 2 * np.pi / 3 * np.arange(3)[:, None, None]
        return (x * np.cos(thirds) + y * np.sin(thirds)).max(axis=0) < 0.5
    turn = abs((angle % (2 * np.pi / 5)) - np.pi / 5)  # a star: 0 between its points
    return r * (np.sin(np.pi / 5 - turn) * 0.4 + np.sin(turn)) < 0.4 * np.sin(np.pi / 5)


def _is_dark(texture, x, y, generator):
    """Returns the pixels of stripes or dots, bool."""
    first, second = generator.uniform(0, 1, 2)
    if texture == "plain":
        return np.zeros(x.shape, bool)
    u = (x / _PERIOD + first) % 1 - 0.5
    if texture == "striped":
        return abs(u) < 0.25
    v = (y / _PERIOD + second) % 1 - 0.5
    return np.hypot(u, v) < 0.34


def _background(side, generator):
    """Returns a smooth, nearly grey background, float (side, side, 3)."""
    brightness, colour = _BACKGROUND
    corners = generator.uniform(*brightness, (2, 2, 1)) + generator.normal(0, colour, (2, 2, 3))
    share = np.linspace(0, 1, side)[:, None, None]
    left, right = (
        (1 - share[..., 0]) * c[0] + share[..., 0] * c[1] for c in corners.swapaxes(0, 1)
    )
    return left[:, None] + (right - left)[:, None] * share.swapaxes(0, 1)


def _averaged(fine):
    side = len(fine) // _FINER
    return fine.reshape(side, _FINER, side, _FINER).mean(axis=(1, 3))
