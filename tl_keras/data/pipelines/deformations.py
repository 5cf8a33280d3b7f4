"""Random deformations of handwritten characters: affine and elastic, by (seed, epoch, index)."""

import functools
import math
from dataclasses import dataclass, replace

import numpy as np
import tensorflow as tf

from tl_keras.data.pipelines.augmentation import random_numbers

_AFFINE = 6  # random numbers: rotation, shear, scale of both axes, shift of both axes
_CUBIC = -0.75  # of cubic convolution
_EDGE = 1e-6  # a uniform number nearer to 0 or 1 would be a displacement without bounds


@dataclass(frozen=True)
class Deformation:
    """Strength of the random deformations; the defaults are those of the preset "characters".

    Attributes:
        rotation: largest angle in degrees, in either direction.
        shear: largest horizontal shift per vertical pixel, in either direction.
        scale: largest logarithm of the factor on width and on height, in either direction.
        shift: largest shift as a fraction of the side, in either direction.
        elastic: standard deviation of the displacement of a grid point, as a fraction of the side.
        cells: cells per side of the grid on which displacements are drawn.
    """

    rotation: float = 12.0
    shear: float = 0.25
    scale: float = 0.15
    shift: float = 0.08
    elastic: float = 0.03
    cells: int = 4

    def times(self, affine: float, elastic: float) -> "Deformation":
        """Returns a deformation whose affine and elastic parts are so many times as strong."""
        parts = {name: affine * getattr(self, name) for name in _AFFINE_PARTS}
        return replace(self, elastic=elastic * self.elastic, **parts)


_AFFINE_PARTS = ("rotation", "shear", "scale", "shift")


def deform_images(
    images: tf.Tensor,
    strength: Deformation,
    *,
    seed: int | tf.Tensor,
    epoch: int | tf.Tensor,
    indices: tf.Tensor,
    image_size: tuple[int, int] | None = None,
) -> tf.Tensor:
    """Deforms each image at random, identically for the same (seed, epoch, index).

    All changes, also that of the size, are one map, so pixels are interpolated once. Outside of the
    image lies its background, the median of its border.

    Args:
        images: float32 (b, h, w, c), 0-255.
        strength: `Deformation`.
        seed, epoch, indices: see `augmentation.random_numbers`.
        image_size: (height, width) of the result. Defaults to that of the images.

    Returns:
        float32 (b, height, width, c), 0-255.

    Reference:
        Elastic displacement: Simard, Steinkraus and Platt 2003, "Best practices for convolutional
        neural networks applied to visual document analysis".
    """
    size = image_size or tuple(images.shape[1:3])
    points = strength.cells + 1
    # In float64: how float32 rounds sin, cos and exp depends on the place in the batch.
    uniform = random_numbers(seed, epoch, indices, _AFFINE + 2 * points**2)
    uniform = tf.cast(uniform, tf.float64)
    places = _affine_places(2.0 * uniform[:, :_AFFINE] - 1.0, strength, size)
    if strength.elastic:
        places += _bend(uniform[:, _AFFINE:], strength, size)
    return _sampled(images, places)


def _affine_places(signed, strength, size):
    """Returns where each pixel comes from, float32 (b, height, width, 2): (x, y), from -1 to 1."""
    turn, lean, wide, tall, across, down = tf.unstack(signed, axis=1)
    angle = turn * math.radians(strength.rotation)
    wide, tall = (tf.exp(strength.scale * s) for s in (wide, tall))
    cos, sin, lean = tf.cos(angle), tf.sin(angle), strength.shear * lean
    rows = [[cos * wide, cos * lean - sin * tall], [sin * wide, sin * lean + cos * tall]]
    matrix = tf.stack([tf.stack(row, axis=1) for row in rows], axis=1)
    # The side is 2 long.
    shift = 2.0 * strength.shift * tf.stack([across, down], axis=1)
    height, width = (tf.constant(_centres(side), tf.float32) for side in size)
    pixels = tf.stack(tf.meshgrid(width, height), axis=-1)
    moved = tf.einsum("bij,yxj->byxi", tf.cast(matrix, tf.float32), pixels)
    return moved + tf.cast(shift, tf.float32)[:, None, None]


def _centres(side):
    """Returns the centres of pixels on a line from -1 to 1."""
    return (2 * np.arange(side) + 1) / side - 1


def _bend(uniform, strength, size):
    """Returns a smooth displacement of each pixel, float32 (b, height, width, 2)."""
    points = strength.cells + 1
    normal = tf.math.ndtri(tf.clip_by_value(uniform, _EDGE, 1.0 - _EDGE))
    coarse = 2.0 * strength.elastic * tf.cast(normal, tf.float32)
    coarse = tf.reshape(coarse, (-1, points, points, 2))
    down, across = (_cubic_weights(side, strength.cells) for side in size)
    return tf.einsum("yi,bijc,xj->byxc", down, coarse, across)


@functools.cache
def _cubic_weights(side, cells):
    """Returns weights (side, cells + 1) of cubic convolution from grid points to pixels."""
    weights = np.zeros((side, cells + 1), np.float32)
    for row, place in enumerate(np.linspace(0, cells, side)):
        first = int(place) - 1
        for point in range(first, first + 4):
            weights[row, np.clip(point, 0, cells)] += _cubic(abs(place - point))
    return weights


def _cubic(away):
    if away < 1:
        return ((_CUBIC + 2) * away - (_CUBIC + 3)) * away**2 + 1
    return _CUBIC * (((away - 5) * away + 8) * away - 4) if away < 2 else 0.0


def _sampled(images, places):
    """Interpolates images bilinearly at places (b, height, width, 2), (x, y) from -1 to 1."""
    height, width, channels = images.shape[1:]
    paper = _background(images)[:, None, None]
    # A frame of background, to which all places beyond it are moved.
    framed = tf.pad(images - paper, [[0, 0], [1, 1], [1, 1], [0, 0]])
    sides = tf.constant([width, height], tf.float32)
    at = tf.clip_by_value((places + 1.0) / 2.0 * sides + 0.5, 0.0, sides + 0.999)
    corner = tf.floor(at)
    x, y = tf.split(at - corner, 2, axis=-1)
    row = width + 2
    flat = tf.reshape(framed, (-1, (height + 2) * row, channels))
    first = tf.cast(corner[..., 1], tf.int32) * row + tf.cast(corner[..., 0], tf.int32)

    def corner_at(offset):
        return tf.gather(flat, first + offset, batch_dims=1)

    above = corner_at(0) * (1.0 - x) + corner_at(1) * x
    below = corner_at(row) * (1.0 - x) + corner_at(row + 1) * x
    return above * (1.0 - y) + below * y + paper


def _background(images):
    """Returns the median of the border of each image, float32 (b, c)."""
    sides = (images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1])
    border = tf.sort(tf.concat(sides, axis=1), axis=1)
    return border[:, border.shape[1] // 2]
