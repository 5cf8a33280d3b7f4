"""Encoders of small drawings: four convolutions, or four residual blocks."""

import keras
from keras import layers

from tl_keras.checks import check_number
from tl_keras.data.images import check_image_size
from tl_keras.models.backbones.normalised_convolution import normalised_convolution

_BLOCKS = 4
SMALLEST_SIDE = 16  # pixels, which four halvings leave one of


def build_conv4(image_size: tuple[int, int] | int = 28, *, width: int = 64) -> keras.Model:
    """Builds four blocks of convolution, batch normalisation, ReLU and pooling, then flattens.

    Methods for a few examples per class are compared on this encoder.

    Args:
        image_size: int or (height, width), at least 16 pixels per side. Defaults to 28.
        width: int, channels of each block. Defaults to 64; the features of 28 x 28 pixels are 64.

    Returns:
        Functional model named "conv4": "image" (b, h, w, 3) RGB 0-255 -> features (b, d).

    Raises:
        InputError: an argument is out of range.

    Reference:
        Vinyals et al. 2016, arXiv 1606.04080; Snell, Swersky, Zemel 2017, arXiv 1703.05175. Their
        images have one channel, here three.
    """
    image, x = _ink(image_size, width)
    for number in range(1, _BLOCKS + 1):
        name = f"block_{number}"
        x = layers.ReLU(name=f"{name}_relu")(_normalised(x, width, name))
        x = layers.MaxPooling2D(name=f"{name}_pool")(x)
    return keras.Model(image, layers.Flatten(name="features")(x), name="conv4")


def build_character_resnet(
    image_size: tuple[int, int] | int = 48, *, width: int = 16
) -> keras.Model:
    """Builds four residual blocks, each with pooling and twice the channels; the map is flattened.

    The place of a stroke tells characters apart, so the features are not averaged over places.

    Args:
        image_size: int or (height, width), at least 16 pixels per side. Defaults to 48.
        width: int, channels of the first block. Defaults to 16. Features of 48 x 48 pixels are
            72 * width.

    Returns:
        Functional model named "character_resnet": "image" (b, h, w, 3) RGB 0-255 -> features
        (b, d).

    Raises:
        InputError: an argument is out of range.

    Reference:
        He, Zhang, Ren, Sun 2016, arXiv 1512.03385.
    """
    image, x = _ink(image_size, width)
    for number in range(_BLOCKS):
        x = _residual(x, width * 2**number, f"block_{number + 1}")
    return keras.Model(image, layers.Flatten(name="features")(x), name="character_resnet")


def _ink(image_size, width):
    """Returns the input of a network, and 1 for black to 0 for white."""
    pair = (image_size, image_size) if isinstance(image_size, int) else image_size
    size = check_image_size(pair)
    for side in size:
        check_number("image_size", side, minimum=SMALLEST_SIDE, integer=True)
    check_number("width", width, minimum=1, integer=True)
    image = keras.Input((*size, 3), name="image")
    # Ink is dark on white, and so is the padding with zeros then.
    return image, layers.Rescaling(-1.0 / 255.0, 1.0, name="ink")(image)


def _residual(x, channels, name):
    short = _normalised(x, channels, f"{name}_short", kernel_size=1)
    x = layers.ReLU(name=f"{name}_relu")(_normalised(x, channels, f"{name}_1"))
    x = layers.Add(name=f"{name}_add")([_normalised(x, channels, f"{name}_2"), short])
    return layers.MaxPooling2D(name=f"{name}_pool")(layers.ReLU(name=f"{name}_out")(x))


def _normalised(x, channels, name, kernel_size=3):
    return normalised_convolution(x, channels, name, kernel_size=kernel_size, momentum=0.95)
