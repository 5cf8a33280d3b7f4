"""Convolution with batch normalisation, the part of which small networks are made."""

import keras
from keras import layers


def normalised_convolution(
    x: keras.KerasTensor,
    channels: int,
    name: str,
    *,
    kernel_size: int = 3,
    strides: int = 1,
    momentum: float = 0.9,
) -> keras.KerasTensor:
    """Applies a convolution without bias, then batch normalisation.

    Args:
        x: (b, h, w, c).
        channels: int, of the result.
        name: beginning of the names of the two layers.
        kernel_size, strides: of the convolution. Default to 3 and 1.
        momentum: of the moving statistics, which follow fast because training is short. Defaults
            to 0.9.

    Returns:
        (b, h / strides, w / strides, channels).
    """
    x = layers.Conv2D(
        channels,
        kernel_size,
        strides=strides,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)
    return layers.BatchNormalization(momentum=momentum, synchronized=True, name=f"{name}_bn")(x)
