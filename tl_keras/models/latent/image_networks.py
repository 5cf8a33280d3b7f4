"""Encoders and decoders of images, dense or convolutional."""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from tl_keras.checks import InputError, check_choice

ARCHITECTURES = ("dense", "conv")
KERNEL_SIZE = 4  # a multiple of the stride, to avoid checkerboard artefacts


def check_halvings(shape: tuple[int, int, int], halvings: int) -> None:
    """Refuses an image whose sides cannot be halved `halvings` times."""
    factor = 2**halvings
    if shape[0] % factor or shape[1] % factor:
        raise InputError(
            f"Expected images whose sides {factor} divides, because architecture 'conv' halves "
            f"them {halvings} times; received {shape[0]} x {shape[1]}. Resize them, give fewer "
            "filters, or use architecture='dense'."
        )


def check_network(name: str, network: Any, takes: tuple, gives: tuple | None) -> keras.Model:
    """Returns a custom network if it has these input and, unless None, output shapes."""
    shapes = (getattr(network, "input_shape", None), getattr(network, "output_shape", None))
    fits = isinstance(network, keras.Model) and all(isinstance(s, tuple) for s in shapes)
    fits = fits and shapes[0][1:] == takes and gives in (None, shapes[1][1:])
    if not fits or not hasattr(network, "inputs"):
        wanted = "features" if gives is None else gives
        raise InputError(
            f"Expected {name} to be a Functional or Sequential model from {takes} to {wanted}; "
            f"received {network!r} from {shapes[0]} to {shapes[1]}."
        )
    last = [layer for layer in network.layers if hasattr(layer, "activation")][-1:]
    if gives and last and last[0].activation is not keras.activations.linear:
        raise InputError(
            f"Expected a {name} that returns logits, without activation in its last layer; "
            "received "
            f"{last[0].activation.__name__!r} in {last[0].name!r}. The model applies the sigmoid."
        )
    return network


def build_encoder(
    input_shape: tuple[int, ...],
    architecture: str,
    *,
    hidden_units: Sequence[int],
    filters: Sequence[int] = (),
    activation: str = "relu",
) -> keras.Model:
    """Builds a network from images to a feature vector, with its layers in a row.

    "dense" flattens the pixels. "conv" first halves both sides with a 4x4 convolution of stride 2
    for each entry of `filters`. Dense layers of `hidden_units` follow in both.

    Args:
        input_shape: (h, w, c).
        architecture: "dense" or "conv".
        hidden_units: ints, widths of Dense layers.
        filters: ints, channels of each convolution.
        activation: str, activation of every layer. Defaults to "relu".

    Returns:
        Functional model: "image" (b, h, w, c) pixels 0-255 -> (b, d).

    Raises:
        InputError: the architecture is unknown, or the sides cannot be halved often enough.
    """
    check_choice("architecture", architecture, ARCHITECTURES)
    kernel = _initializer(activation)
    image = keras.Input(input_shape, name="image")
    x = layers.Rescaling(1.0 / 255.0, name="scaled")(image)
    if architecture == "conv":
        check_halvings(input_shape, len(filters))
        for number, channels in enumerate(filters, 1):
            x = layers.Conv2D(
                channels,
                KERNEL_SIZE,
                strides=2,
                padding="same",
                activation=activation,
                kernel_initializer=kernel,
                name=f"conv_{number}",
            )(x)
    x = layers.Flatten(name="flat")(x)
    x = _dense(x, hidden_units, activation)
    return keras.Model(image, x, name="encoder_network")


def build_decoder(
    latent_dim: int,
    output_shape: tuple[int, int, int],
    architecture: str,
    *,
    hidden_units: Sequence[int],
    filters: Sequence[int] = (),
    activation: str = "relu",
) -> keras.Model:
    """Builds the reverse of `build_encoder`: from latent vectors to the logits of images.

    Args:
        latent_dim: int.
        output_shape: (h, w, c).
        architecture: "dense" or "conv".
        hidden_units: ints, widths of Dense layers, in the order from the latent vector.
        filters: ints, channels of each transposed convolution, in the order from the smallest.
        activation: str, activation of every layer but the last. Defaults to "relu".

    Returns:
        Functional model: (b, latent_dim) -> (b, h, w, c) logits; their sigmoid is the image on a
        scale from 0 to 1.

    Raises:
        InputError: see `build_encoder`.
    """
    check_choice("architecture", architecture, ARCHITECTURES)
    latent = keras.Input((latent_dim,), name="latent")
    x = _dense(latent, hidden_units, activation)
    if architecture == "dense":
        x = layers.Dense(math.prod(output_shape), name="logits")(x)
        x = layers.Reshape(output_shape, name="picture")(x)
    else:
        x = _growing(x, output_shape, filters, activation)
    return keras.Model(latent, x, name="decoder")


def _dense(x, hidden_units, activation):
    for number, units in enumerate(hidden_units, 1):
        x = layers.Dense(
            units,
            activation=activation,
            kernel_initializer=_initializer(activation),
            name=f"dense_{number}",
        )(x)
    return x


def _growing(x, output_shape, filters, activation):
    """Applies a Dense layer, then doubles the resolution up to the size of the image."""
    check_halvings(output_shape, len(filters))
    height, width = (side // 2 ** len(filters) for side in output_shape[:2])
    first, *rest = (*filters, output_shape[2])
    x = layers.Dense(
        height * width * first,
        activation=activation,
        kernel_initializer=_initializer(activation),
        name="maps",
    )(x)
    x = layers.Reshape((height, width, first), name="small_picture")(x)
    for number, channels in enumerate(rest, 1):
        last = number == len(rest)
        x = layers.Conv2DTranspose(
            channels,
            KERNEL_SIZE,
            strides=2,
            padding="same",
            activation=None if last else activation,
            kernel_initializer="glorot_uniform" if last else _initializer(activation),
            name="logits" if last else f"deconv_{number}",
        )(x)
    return x


def _initializer(activation):
    return "he_normal" if activation in ("relu", "elu", "gelu", "silu") else "glorot_uniform"
