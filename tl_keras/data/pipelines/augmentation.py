"""Random changes of training images that depend on (seed, epoch, index) alone."""

import functools
import math
from typing import Any

import numpy as np
import tensorflow as tf

from tl_keras.checks import check_choice
from tl_keras.data.pipelines.augmentation_presets import (
    AUGMENTATIONS,
    PRESETS,
    Augmentation,
    SoundAugmentation,
    resolve_augment,
)
from tl_keras.data.pipelines.spectrogram_augmentation import COLUMNS, change_spectrograms

__all__ = ["AUGMENTATIONS", "augment_images", "random_numbers", "resolve_augment"]

# Each use has a column of its own, so that a new use leaves the numbers of the others unchanged.
_USES = (
    "flip",
    "area",
    "aspect",
    "crop_x",
    "crop_y",
    "rotation",
    "shift_x",
    "shift_y",
    "zoom",
    "brightness",
    "contrast",
    "saturation",
    "shear",
    "jitter",
    "hue",
    "grayscale",
    "cutout_side",
    "cutout_x",
    "cutout_y",
)
_GOLDEN = 0x9E3779B97F4A7C15
_MID_GRAY = 127.5
LUMINANCE = (0.299, 0.587, 0.114)


def augment_images(
    images: tf.Tensor,
    name: str,
    *,
    seed: int | tf.Tensor,
    epoch: int | tf.Tensor,
    indices: tf.Tensor,
) -> tf.Tensor:
    """Augments each image at random, identically for the same (seed, epoch, index).

    The random numbers do not depend on the other images of the batch. A resumed run, another batch
    size or several replicas therefore see the same images. Flip, crop, rotation, shear and shift
    are one affine map, so pixels are interpolated once. Outside the image its mirror image is seen.
    A cut-out square has any side up to the preset's, is grey, and may lie partly outside. For the
    changes of spectrograms see `SoundAugmentation`.

    Args:
        images: float32 (b, h, w, c), 0-255.
        name: one of `AUGMENTATIONS`.
        seed: integer.
        epoch: int64 scalar, or an integer.
        indices: int64 (b,), index of each image in the dataset.

    Returns:
        float32 (b, h, w, c), 0-255.
    """
    preset = PRESETS[check_choice("augment", name, AUGMENTATIONS)]
    if name == "none":
        return images
    return change_images(images, preset, seed=seed, epoch=epoch, indices=indices)


def change_images(
    images: tf.Tensor,
    preset: Augmentation | SoundAugmentation,
    *,
    seed: int | tf.Tensor,
    epoch: int | tf.Tensor,
    indices: tf.Tensor,
) -> tf.Tensor:
    """Augments images with the changes of `preset`; otherwise like `augment_images`."""
    seed, epoch, indices = (tf.convert_to_tensor(n, tf.int64) for n in (seed, epoch, indices))
    epochs = tf.broadcast_to(epoch, tf.shape(indices))
    changed = _traced(preset, tuple(images.shape[1:]))(images, seed, epochs, indices)
    return tf.ensure_shape(changed, images.shape)


@functools.lru_cache(maxsize=64)
def _traced(preset, shape):
    """Returns the graph for images of `shape`, traced once for all pipelines and batch sizes."""
    images = tf.TensorSpec((None, *shape), tf.float32)
    seed, numbers = tf.TensorSpec((), tf.int64), tf.TensorSpec((None,), tf.int64)
    return tf.function(
        functools.partial(_change_images, preset),
        input_signature=(images, seed, numbers, numbers),
        autograph=False,
    )


def _change_images(preset, images, seed, epochs, indices):
    if isinstance(preset, SoundAugmentation):
        return change_spectrograms(images, preset, random_numbers(seed, epochs, indices, COLUMNS))
    uniform = random_numbers(seed, epochs, indices, len(_USES))
    draws = dict(zip(_USES, tf.unstack(uniform, axis=1), strict=True))
    changed = _change_colours(_transform(images, preset, draws), preset, draws)
    return _cut_out(tf.clip_by_value(changed, 0.0, 255.0), preset, draws)


def random_numbers(
    seed: int | tf.Tensor, epoch: int | tf.Tensor, indices: tf.Tensor, count: int
) -> tf.Tensor:
    """Returns uniform numbers in [0, 1) from a hash of (seed, epoch, index, column).

    The hash is the finaliser of SplitMix64, applied to the whole batch at once. It takes 0.5 ms for
    256 images. A `tf.vectorized_map` over `tf.random.stateless_uniform` took 10 ms, as long as the
    transform of images of 28 x 28.

    Args:
        seed: integer.
        epoch: int64 scalar or integer, or one for each index, int64 (b,).
        indices: int64 (b,).
        count: number of random numbers per index.

    Returns:
        float32 (b, count).

    Reference:
        Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators".
    """
    key = _mix(_unsigned(seed) + tf.constant(_GOLDEN, tf.uint64))
    key = _mix(key + _unsigned(epoch))
    keys = _mix(key + _unsigned(indices))[:, None]
    # Through NumPy: inside a graph, TensorFlow rounds a list of such numbers to float64.
    columns = np.array([(_GOLDEN * (i + 1)) % 2**64 for i in range(count)], np.uint64)
    top_bits = tf.bitwise.right_shift(_mix(keys + columns), tf.constant(40, tf.uint64))
    return tf.cast(top_bits, tf.float32) * 2.0**-24


def _unsigned(value):
    return tf.bitcast(tf.convert_to_tensor(value, tf.int64), tf.uint64)


def _mix(x):
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        x = tf.bitwise.bitwise_xor(x, tf.bitwise.right_shift(x, tf.constant(shift, tf.uint64)))
        x *= tf.constant(factor, tf.uint64)
    return tf.bitwise.bitwise_xor(x, tf.bitwise.right_shift(x, tf.constant(31, tf.uint64)))


def _transform(images, preset, draws):
    """Moves pixels by one affine map from output to input, about the centre of the image."""
    # In float64: the last bit of a float32 exp, sin or cos depends on the place in the batch.
    draws = {use: tf.cast(draw, tf.float64) for use, draw in draws.items()}
    size = tf.shape(images)[1:3]
    height, width = tf.unstack(tf.cast(size, tf.float64))
    keep_x, keep_y = _crop(preset, draws)
    zoom = _around_one(preset.zoom, draws["zoom"])
    angle = _signed(draws["rotation"]) * math.radians(preset.rotation)
    mirror = 1.0 - 2.0 * tf.cast((draws["flip"] < 0.5) & preset.horizontal_flip, tf.float64)
    shift_x = tf.round(_signed(draws["shift_x"]) * preset.shift * width)
    shift_y = tf.round(_signed(draws["shift_y"]) * preset.shift * height)
    shift_x += _signed(draws["crop_x"]) * (1.0 - keep_x) * width / 2.0
    shift_y += _signed(draws["crop_y"]) * (1.0 - keep_y) * height / 2.0
    a0 = mirror * zoom * keep_x * tf.cos(angle)
    a1 = -mirror * zoom * keep_x * tf.sin(angle)
    b0 = zoom * keep_y * tf.sin(angle)
    b1 = zoom * keep_y * tf.cos(angle)
    if preset.shear:
        lean = preset.shear * _signed(draws["shear"])
        a1, b1 = a1 + lean * a0, b1 + lean * b0
    centre_x, centre_y = (width - 1.0) / 2.0, (height - 1.0) / 2.0
    a2 = centre_x + shift_x - a0 * centre_x - a1 * centre_y
    b2 = centre_y + shift_y - b0 * centre_x - b1 * centre_y
    if not (preset.rotation or preset.zoom or preset.shift or preset.shear):
        corners = [b2 / (height - 1.0), a2 / (width - 1.0)]
        corners += [b1 + b2 / (height - 1.0), a0 + a2 / (width - 1.0)]
        return _crop_and_resize(images, tf.stack(corners, axis=1))
    zero = tf.zeros_like(a0)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.cast(tf.stack([a0, a1, a2, b0, b1, b2, zero, zero], axis=1), tf.float32),
        output_shape=size,
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="REFLECT",
    )


def _crop_and_resize(images, corners):
    """Applies a map that stays inside the image, ten times faster on a CPU than `_transform`."""
    size = tf.shape(images)
    # Rounding must not push a corner outside, where this op would fill with black.
    boxes = tf.cast(tf.clip_by_value(corners, 0.0, 1.0), tf.float32)
    return tf.image.crop_and_resize(images, boxes, tf.range(size[0]), size[1:3])


def _crop(preset, draws):
    """Returns width and height of the crop relative to those of the image."""
    area = preset.min_area + (1.0 - preset.min_area) * draws["area"]
    aspect = tf.exp(_signed(draws["aspect"]) * math.log(preset.max_aspect))
    return tf.minimum(tf.sqrt(area * aspect), 1.0), tf.minimum(tf.sqrt(area / aspect), 1.0)


def _change_colours(images, preset, draws):
    """Applies brightness, contrast, saturation and hue as one linear map of a pixel's channels."""

    def spread(name):
        value = getattr(preset, name) * _signed(draws[name])
        if preset.jitter < 1.0:
            value = tf.where(draws["jitter"] < preset.jitter, value, 0.0)
        return value[:, None, None]

    def factor(name):
        return 1.0 + spread(name)

    if not (preset.brightness or preset.contrast or preset.saturation or preset.grayscale):
        return images
    # About mid-grey, not the image's mean: how a sum rounds depends on the batch.
    contrast = factor("contrast")
    scale, offset = factor("brightness") * contrast, _MID_GRAY * (1.0 - contrast)
    if images.shape[-1] != 3:
        return images * scale[..., None] + offset[..., None]
    colour = factor("saturation")
    if preset.grayscale:
        colour = tf.where(draws["grayscale"][:, None, None] < preset.grayscale, 0.0, colour)
    to_gray = tf.constant(LUMINANCE)[:, None] * tf.ones((1, 3))
    matrix = scale * (colour * tf.eye(3) + (1.0 - colour) * to_gray)
    if preset.hue:
        matrix = tf.matmul(_hue_rotation(spread("hue")), matrix)
    shape = tf.shape(images)
    pixels = tf.reshape(images, (shape[0], -1, 3))
    return tf.reshape(tf.matmul(pixels, matrix) + offset, shape)


def _hue_rotation(turns):
    """Returns matrices (b, 3, 3) that rotate the colour circle by float32 (b, 1, 1) turns.

    The rotation is about the axis of greys. It keeps grey and the sum of the channels unchanged.
    """
    # In float64 for the reason given in `_transform`.
    angle = 2.0 * math.pi * tf.cast(turns, tf.float64)
    cross = tf.constant([[0, 1, -1], [-1, 0, 1], [1, -1, 0]], tf.float64) / math.sqrt(3.0)
    matrix = tf.cos(angle) * tf.eye(3, dtype=tf.float64) + tf.sin(angle) * cross
    return tf.cast(matrix + (1.0 - tf.cos(angle)) / 3.0, tf.float32)


def _cut_out(images, preset, draws):
    """Replaces a square of each image by mid-grey."""
    if not preset.cutout:
        return images
    height, width = tf.unstack(tf.cast(tf.shape(images)[1:3], tf.float32))
    half = draws["cutout_side"] * preset.cutout * tf.minimum(height, width) / 2.0

    def inside(size, use):
        away = tf.range(size) + 0.5 - draws[use][:, None] * size
        return tf.abs(away) < half[:, None]

    hidden = inside(height, "cutout_y")[:, :, None] & inside(width, "cutout_x")[:, None, :]
    return tf.where(hidden[..., None], _MID_GRAY, images)


def luminance(images: Any) -> Any:
    """Returns the perceived brightness: (b, h, w, 3) -> (b, h, w, 1), same range and dtype."""
    red, green, blue = tf.split(images, 3, axis=-1)
    return LUMINANCE[0] * red + LUMINANCE[1] * green + LUMINANCE[2] * blue


def _signed(uniform):
    return 2.0 * uniform - 1.0


def _around_one(spread, uniform):
    return 1.0 + spread * _signed(uniform)
