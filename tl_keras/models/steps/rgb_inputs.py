"""Image inputs of networks: their shape, and RGB for networks that take one channel."""

import numbers
from typing import Any

import keras
from keras import layers, ops

from tl_keras.checks import InputError
from tl_keras.data.pipelines.augmentation import LUMINANCE


def check_image_shape(input_shape: Any) -> tuple[int, int, int]:
    """Returns (height, width, channels) of (h, w), (h, w, 1) or (h, w, 3), or raises an error."""
    shape = tuple(input_shape) if isinstance(input_shape, tuple | list) else ()
    shape = (*shape, 1) if len(shape) == 2 else shape
    whole = all(isinstance(size, numbers.Integral) and size > 0 for size in shape)
    if len(shape) != 3 or shape[2] not in (1, 3) or not whole:
        raise InputError(
            "Expected input_shape (height, width), (height, width, 1) or (height, width, 3); "
            f"received input_shape={input_shape!r}."
        )
    height, width, channels = map(int, shape)
    return height, width, channels


def chain_on_rgb(network: keras.Model, *, is_row: bool) -> keras.Model:
    """Returns `network` with RGB 0-255 as input and the same layers, or itself if it has it.

    If the network takes one channel, colour is reduced to brightness first.

    Args:
        network: Functional model (b, h, w, 1 or 3) -> one tensor.
        is_row: whether its layers form a row. A row is laid out flat; any other network is nested.

    Returns:
        Functional model: "image" (b, h, w, 3) -> the same output.
    """
    *size, channels = network.input_shape[1:]
    if channels == 3:
        return network
    image = keras.Input((*size, 3), name="image")
    x = brightness(image)
    if is_row:
        for layer in network.layers[1:]:
            x = layer(x)
    else:
        x = network(x)
    return keras.Model(image, x, name=network.name)


def brightness(image: keras.KerasTensor) -> keras.KerasTensor:
    """Returns the brightness (b, h, w, 1) of a Functional model's RGB images (b, h, w, 3)."""
    weighted = layers.Rescaling(list(LUMINANCE), name="brightness")(image)
    return ops.sum(weighted, axis=-1, keepdims=True)


def fitting_images(images: Any, shape: tuple[int, int, int]) -> Any:
    """Returns images as an encoder takes them, float32 (b, h, w, c); grey is repeated.

    Args:
        images: (b, h, w), (b, h, w, 1) or (b, h, w, c), 0-255.
        shape: (h, w, c) of the encoder.

    Raises:
        InputError: they are of another size.
    """
    size, channels = tuple(shape[:2]), shape[2]
    given = tuple(images.shape[1:])
    if given[:2] != size or given[2:] not in ((), (1,), (channels,)):
        raise InputError(
            f"Expected images of shape {(*size, channels)}, for which the encoder was built; "
            f"received {given}. Resize them or build another encoder."
        )
    images = ops.cast(images, "float32")
    images = images if len(given) == 3 else images[..., None]
    return ops.broadcast_to(images, (*ops.shape(images)[:3], channels))


def averaged_features(encoder: keras.Model) -> keras.Model:
    """Returns an encoder, with global average pooling if its features have positions."""
    if len(encoder.output_shape) == 2:
        return encoder
    mean = layers.GlobalAveragePooling2D(name="features", dtype="float32")(encoder.output)
    return keras.Model(encoder.input, mean, name="features")
