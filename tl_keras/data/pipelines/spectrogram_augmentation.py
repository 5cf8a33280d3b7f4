"""Random changes of spectrograms: another speaker, speed, microphone and noise, and masks."""

import math

import numpy as np
import tensorflow as tf

from tl_keras.data.pipelines.augmentation_presets import SoundAugmentation
from tl_keras.data.sounds.spectrogram import LOWEST, hertz, mel

# Each use has a column of its own, so that a new use leaves the numbers of the others unchanged.
USES = ("warp", "rise", "stretch", "shift", "tilt", "bow", "contrast", "level", "floor")
_OF_A_MASK = ("width", "place")
_MOST_MASKS = 4  # of each kind
COLUMNS = len(USES) + 2 * _MOST_MASKS * len(_OF_A_MASK)
_NYQUIST = 4_000.0  # Hz, of the sounds for which the warp is computed
_BEND = 0.8 * _NYQUIST  # Hz, from where on the warp returns to the highest frequency


def change_spectrograms(
    images: tf.Tensor, preset: SoundAugmentation, uniform: tf.Tensor
) -> tf.Tensor:
    """Changes each spectrogram by its own random numbers.

    Args:
        images: float32 (b, h, w, c), 0-255, of equal channels; high frequencies at the top.
        preset: `SoundAugmentation`.
        uniform: float32 (b, COLUMNS) in [0, 1).

    Returns:
        float32 (b, h, w, c), 0-255.
    """
    channels, images = images.shape[-1], images[..., :1]
    numbers = tf.unstack(uniform, axis=1)
    # In float64: the last bit of a float32 exp depends on the place in the batch.
    draws = {use: 2 * tf.cast(x, tf.float64) - 1 for use, x in zip(USES, numbers, strict=False)}
    height, width = images.shape[1:3]
    rows = _warped_rows(height, tf.exp(preset.warp * draws["warp"]))
    rows += preset.rise * height * draws["rise"][:, None]
    columns = _around_middle(width, tf.exp(preset.stretch * draws["stretch"]))
    columns += preset.shift * width * draws["shift"][:, None]
    images = _interpolated(_interpolated(images, rows, 1), columns, 2)
    images = _recoloured(images, preset, draws)
    return tf.repeat(_masked(images, preset, numbers[len(USES) :]), channels, axis=-1)


def warped_frequency(frequency: np.ndarray, factor: float) -> np.ndarray:
    """Returns factor * f, bent so that the highest frequency stays where it is.

    Args:
        frequency: Hz, float (n,).
        factor: tensor or array that broadcasts with `frequency`.
    """
    bend = _BEND * tf.minimum(factor, 1.0) / factor
    slope = (_NYQUIST - bend * factor) / (_NYQUIST - bend)
    return tf.where(
        frequency <= bend, frequency * factor, _NYQUIST - slope * (_NYQUIST - frequency)
    )


def _warped_rows(height, factor):
    """Returns the row of the input that each row of the output shows, float64 (b, height)."""
    low, high = mel(LOWEST), mel(_NYQUIST)
    step = (high - low) / (height + 1)
    centres = hertz(high - step * np.arange(1, height + 1))  # the highest in the first row
    frequency = warped_frequency(centres[None], factor[:, None])
    return (high - 2595 / math.log(10) * tf.math.log(1 + frequency / 700)) / step - 1


def _around_middle(width, factor):
    middle = (width - 1) / 2
    return middle + factor[:, None] * (np.arange(width) - middle)


def _interpolated(images, places, axis):
    """Interpolates along one axis of (b, h, w, c); beyond its end the first or last repeats."""
    last = images.shape[axis] - 1
    places = tf.clip_by_value(places, 0.0, float(last))
    below = tf.minimum(tf.floor(places), max(last - 1, 0))
    part = tf.cast(places - below, tf.float32)
    part = part[:, :, None, None] if axis == 1 else part[:, None, :, None]
    first = tf.cast(below, tf.int32)
    low = _taken(images, first, axis)
    return low + part * (_taken(images, tf.minimum(first + 1, last), axis) - low)


def _taken(images, places, axis):
    if axis == 1:
        return tf.gather(images, places, axis=1, batch_dims=1)
    turned = tf.transpose(images, (0, 2, 1, 3))
    return tf.transpose(tf.gather(turned, places, axis=1, batch_dims=1), (0, 2, 1, 3))


def _recoloured(images, preset, draws):
    """Changes brightness by frequency, range and level, and covers dark pixels with noise."""
    height = images.shape[1]
    up = np.linspace(1, -1, height)[None]  # 1 at the top
    tone = preset.tilt * draws["tilt"][:, None] * up
    tone += preset.bow * draws["bow"][:, None] * np.cos(np.pi * up)
    tone += preset.level * draws["level"][:, None]
    scale = tf.cast(1 + preset.contrast * draws["contrast"], tf.float32)[:, None, None, None]
    images = images * scale + tf.cast(tone, tf.float32)[:, :, None, None]
    floor = tf.cast(preset.floor * draws["floor"], tf.float32)[:, None, None, None]
    return tf.clip_by_value(tf.maximum(images, floor), 0.0, 255.0)


def _masked(images, preset, numbers):
    """Hides bands of frequencies and spans of time."""
    if not preset.masks:
        return images
    height, width = images.shape[1:3]
    hidden = tf.zeros_like(images[..., :1], tf.bool)
    for mask in range(preset.masks):
        wide, place, long, start = numbers[4 * mask : 4 * mask + 4]
        hidden |= _span(height, preset.frequency_mask * wide, place)[:, :, None, None]
        hidden |= _span(width, preset.time_mask * long, start)[:, None, :, None]
    return tf.where(hidden, 0.0, images)


def _span(size, width, place):
    """Returns whether each place in [0, size) lies within a span, bool (b, size)."""
    away = (tf.range(size, dtype=tf.float32) + 0.5) / size - place[:, None]
    return tf.abs(away) < width[:, None] / 2
