"""Random deformations of handwritten characters: affine and elastic, by (seed, epoch, index)."""

import functools
import math
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tl_keras.data.pipelines.augmentation import random_numbers

_AFFINE = 7  # random numbers: rotation, shear, stretch of both axes, zoom, shift of both axes
_SMOOTH = 0.7  # squared width of the weights between grid points, in cells


@dataclass(frozen=True)
class Deformation:
    """Strength of the random deformations; the defaults are those of the preset "characters".

    Attributes:
        rotation: largest angle in degrees, in either direction.
        shear: largest horizontal shift per vertical pixel, in either direction.
        zoom: largest relative change of scale, in either direction.
        stretch: the same for height and width, each for itself.
        shift: largest shift as a fraction of the side, in either direction.
        elastic: typical displacement of a grid point, as a fraction of the side.
        cells: cells per side of the grid on which displacements are drawn.
    """

    rotation: float = 15.0
    shear: float = 0.2
    zoom: float = 0.15
    stretch: float = 0.1
    shift: float = 0.08
    elastic: float = 0.03
    cells: int = 4


def deform_images(
    images: tf.Tensor,
    strength: Deformation,
    *,
    seed: int | tf.Tensor,
    epoch: int | tf.Tensor,
    indices: tf.Tensor,
) -> tf.Tensor:
    """Deforms each image at random, identically for the same (seed, epoch, index).

    All changes are one map, so pixels are interpolated once. Outside of the image lies its
    background, the median of its border.

    Args:
        images: float32 (b, h, w, c), 0-255.
        strength: `Deformation`.
        seed, epoch, indices: see `augmentation.random_numbers`.

    Returns:
        float32 (b, h, w, c), 0-255.

    Reference:
        Elastic displacement: Simard, Steinkraus and Platt 2003, "Best practices for convolutional
        neural networks applied to visual document analysis".
    """
    height, width = images.shape[1:3]
    grid = (strength.cells + 1) ** 2
    uniform = random_numbers(seed, epoch, indices, _AFFINE + 2 * grid)
    signed = 2.0 * uniform - 1.0
    places = _affine_places(signed[:, :_AFFINE], strength, height, width)
    places += _bend(signed[:, _AFFINE:], strength, height, width)
    return _sampled(images, places)


def _affine_places(signed, strength, height, width):
    """Returns where each pixel comes from, float32 (b, h, w, 2): (y, x) in pixels."""
    turn, lean, tall, wide, zoom, up, left = tf.unstack(signed, axis=1)
    angle = turn * math.radians(strength.rotation)
    scale = 1.0 + strength.zoom * zoom
    cos, sin = tf.cos(angle) * scale, tf.sin(angle) * scale
    lean, tall, wide = strength.shear * lean, *(1.0 + strength.stretch * s for s in (tall, wide))
    rows = tf.stack([cos * tall, -sin * wide], 1)
    columns = tf.stack([(sin + lean * cos) * tall, (cos - lean * sin) * wide], 1)
    matrix = tf.stack([rows, columns], 1)
    pixels = np.stack(np.meshgrid(*map(_centred, (height, width)), indexing="ij"), -1)
    moved = tf.einsum("bij,yxj->byxi", matrix, tf.constant(pixels, tf.float32))
    sides = tf.constant([height, width], tf.float32)
    shift = strength.shift * tf.stack([up, left], 1) * sides + (sides - 1.0) / 2.0
    return moved + shift[:, None, None]


def _centred(size):
    return np.arange(size) - (size - 1) / 2


def _bend(signed, strength, height, width):
    """Returns a smooth displacement of each pixel, float32 (b, h, w, 2)."""
    points = strength.cells + 1
    # A uniform number in [-1, 1) has the standard deviation 1 / sqrt(3).
    coarse = tf.reshape(signed, (-1, points, points, 2)) * math.sqrt(3.0) * strength.elastic
    down, across = (_weights(side, strength.cells) for side in (height, width))
    smooth = tf.einsum("yi,bijc,xj->byxc", down, coarse, across)
    return smooth * tf.constant([height, width], tf.float32)


@functools.cache
def _weights(side, cells):
    """Returns weights (side, cells + 1) that interpolate between the points of the grid."""
    places = (np.arange(side) + 0.5) / side * cells
    weights = np.exp(-((places[:, None] - np.arange(cells + 1)) ** 2) / _SMOOTH)
    return np.float32(weights / weights.sum(axis=1, keepdims=True))


def _sampled(images, places):
    """Interpolates images bilinearly at places (b, h, w, 2) in pixels."""
    height, width = images.shape[1:3]
    paper = _background(images)[:, None, None]
    # A frame of background, to which all places beyond it are moved.
    inner = images - paper
    framed = tf.pad(inner, [[0, 0], [1, 1], [1, 1], [0, 0]])
    bounds = tf.constant([height, width], tf.float32)
    places = tf.clip_by_value(places + 1.0, 0.0, bounds + 0.999)
    corner = tf.floor(places)
    part = places - corner
    corner = tf.cast(corner, tf.int32)
    y, x = part[..., :1], part[..., 1:]
    width = width + 2
    flat = tf.reshape(framed, (-1, (height + 2) * width, images.shape[-1]))
    at = corner[..., 0] * width + corner[..., 1]

    def corner_at(offset):
        return tf.gather(flat, at + offset, batch_dims=1)

    above = corner_at(0) * (1.0 - x) + corner_at(1) * x
    below = corner_at(width) * (1.0 - x) + corner_at(width + 1) * x
    return above * (1.0 - y) + below * y + paper


def _background(images):
    """Returns the median of the border of each image, float32 (b, c)."""
    sides = (images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1])
    border = tf.sort(tf.concat(sides, axis=1), axis=1)
    return border[:, border.shape[1] // 2]
