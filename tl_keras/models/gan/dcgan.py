"""Convolutional generator and discriminator of `GAN`, for sizes that can be halved repeatedly."""

import math

import keras
from keras import layers

from tl_keras.checks import InputError

LARGEST_START = 8  # largest side in pixels of the generator's first features
_SMALLEST_START = 4
_KERNEL = 4  # a multiple of the stride, to avoid checkerboard artefacts
_MOST_WIDER = 8  # as a multiple of `width`
_SLOPE = 0.2
_LAST_SIDE = 4  # side in pixels of the discriminator's last features


def count_halvings(input_shape: tuple[int, ...]) -> int:
    """Returns the number of halvings that reduce both sides of an image to 4-8 pixels.

    Args:
        input_shape: (height, width, channels).

    Raises:
        InputError: a side becomes odd above 8 pixels, or is below 8 from the start.
    """
    sides, halvings = list(input_shape[:2]), 0
    while all(side % 2 == 0 and side >= 2 * _SMALLEST_START for side in sides):
        sides, halvings = [side // 2 for side in sides], halvings + 1
    if not halvings or max(sides) > LARGEST_START:
        raise InputError(
            "Expected an image size that halves to 4-8 pixels per side, such as 8, 28, 32, 48, "
            f"64 or 96; received {input_shape[0]} x {input_shape[1]}. Resize the images or give "
            "a generator and a discriminator of your own."
        )
    return halvings


def build_generator(
    input_shape: tuple[int, ...],
    latent_dim: int,
    num_classes: int | None = None,
    *,
    width: int = 32,
) -> keras.Model:
    """Builds a generator: one Dense layer, then transposed convolutions that double the resolution.

    The channels are halved whenever the resolution doubles. Batch normalisation and ReLU follow
    each layer but the last. The statistics are taken over all replicas.

    Args:
        input_shape: (height, width, channels) of the images.
        latent_dim: int, dimensions of a latent point.
        num_classes: int, adds a second input of one-hot classes; or None.
        width: int, channels at half the output resolution. Defaults to 32.

    Returns:
        Functional model: latent (b, latent_dim), or [latent, classes (b, num_classes)] ->
        float32 (b, height, width, channels) in -1 to 1.

    Raises:
        InputError: the size cannot be halved often enough.

    Reference:
        Radford, Metz and Chintala 2015, arXiv 1511.06434; this one has 4x4 kernels, and classes
        enter beside the latent point as in Mirza and Osindero 2014, arXiv 1411.1784.
    """
    halvings = count_halvings(input_shape)
    start = [side // 2**halvings for side in input_shape[:2]]
    inputs = x = keras.Input((latent_dim,), name="latent")
    if num_classes:
        classes = keras.Input((num_classes,), name="classes")
        inputs, x = [inputs, classes], layers.Concatenate(name="with_class")([x, classes])
    channels = _channels(width, halvings - 1)
    x = layers.Dense(start[0] * start[1] * channels, use_bias=False, name="start")(x)
    x = layers.Reshape((*start, channels), name="start_maps")(x)
    for number in reversed(range(halvings - 1)):
        x = _normalised(x, f"double_{number + 2}")
        x = _doubling(_channels(width, number), f"double_{number + 2}", use_bias=False)(x)
    x = _normalised(x, "double_1")
    x = _doubling(input_shape[2], "double_1")(x)
    images = layers.Activation("tanh", dtype="float32", name="pictures")(x)
    return keras.Model(inputs, images, name="generator")


def build_discriminator(
    input_shape: tuple[int, ...], num_classes: int | None = None, *, width: int = 32
) -> keras.Model:
    """Builds a discriminator: convolutions that halve the sides until they have 4 pixels or less.

    There are at least two convolutions. A Dense layer turns the last features into one logit per
    image. There is no normalisation, so the output for an image does not depend on the others in
    the batch. The gradient penalty and equal results on several replicas need this.

    Args:
        input_shape: (height, width, channels) of the images.
        num_classes: int, adds a second input of one-hot classes; or None.
        width: int, channels of the first convolution, doubled whenever the sides are halved.
            Defaults to 32.

    Returns:
        Functional model: images (b, height, width, channels) in -1 to 1, or [images, classes
        (b, num_classes)] -> float32 logits (b, 1). The layer "features" outputs the last
        features.

    Raises:
        InputError: the size cannot be halved often enough.

    Reference:
        Radford, Metz and Chintala 2015, arXiv 1511.06434, without its batch normalisation. Classes:
        the projection of Miyato and Koyama 2018, arXiv 1802.05637.
    """
    count_halvings(input_shape)
    inputs = x = keras.Input(input_shape, name="pictures")
    *leaky, last = range(1, _count_convolutions(input_shape) + 1)
    for number in (*leaky, last):
        channels, name = _channels(width, number - 1), f"halve_{number}"
        x = layers.Conv2D(channels, _KERNEL, 2, padding="same", name=name)(x)
        x = layers.LeakyReLU(_SLOPE, name="features" if number == last else f"leaky_{number}")(x)
    x = layers.Flatten(name="flatten")(x)
    logits = layers.Dense(1, dtype="float32", name="real")(x)
    if num_classes:
        classes = keras.Input((num_classes,), name="classes")
        direction = layers.Dense(x.shape[-1], use_bias=False, name="class_direction")(classes)
        of_class = layers.Dot(1, dtype="float32", name="of_class")([x, direction])
        inputs, logits = (
            [inputs, classes],
            layers.Add(name="logits", dtype="float32")([logits, of_class]),
        )
    return keras.Model(inputs, logits, name="discriminator")


def _count_convolutions(input_shape):
    """Returns the halvings, odd sides rounded up, to a longer side of 4 pixels; at least two."""
    return max(2, math.ceil(math.log2(max(input_shape[:2]) / _LAST_SIDE)))


def _channels(width, doublings):
    return width * min(2**doublings, _MOST_WIDER)


def _normalised(x, name):
    x = layers.BatchNormalization(synchronized=True, momentum=0.9, name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def _doubling(channels, name, **arguments):
    return layers.Conv2DTranspose(channels, _KERNEL, 2, padding="same", name=name, **arguments)
