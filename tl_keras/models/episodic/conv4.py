"""The encoder of four convolutions on which methods of a few examples a class are compared."""

import keras
from keras import layers

from tl_keras.checks import check_number
from tl_keras.data.images import check_image_size

_BLOCKS = 4
_SMALLEST_SIDE = 16  # pixels, which four halvings leave one of


def build_conv4(
    image_size: tuple[int, int] | int = 28, *, width: int = 64, synchronized: bool = True
) -> keras.Model:
    """Builds four blocks of convolution, batch normalisation, ReLU and pooling, then flattens.

    Args:
        image_size: int or (height, width), at least 16 pixels per side. Defaults to 28.
        width: int, channels of each block. Defaults to 64; the features of 28 x 28 pixels are 64.
        synchronized: bool, whether batch normalisation has the moments of all replicas.

    Returns:
        Functional model named "conv4": "image" (b, h, w, 3) RGB 0-255 -> features (b, d).

    Raises:
        InputError: an argument is out of range.

    Reference:
        Vinyals et al. 2016, arXiv 1606.04080; Snell, Swersky, Zemel 2017, arXiv 1703.05175. Their
        images have one channel, here three.
    """
    pair = (image_size, image_size) if isinstance(image_size, int) else image_size
    size = check_image_size(pair)
    for side in size:
        check_number("image_size", side, minimum=_SMALLEST_SIDE, integer=True)
    check_number("width", width, minimum=1, integer=True)
    image = keras.Input((*size, 3), name="image")
    # Ink is dark on white; its zero padding is white then.
    x = layers.Rescaling(-1.0 / 255.0, 1.0, name="ink")(image)
    for number in range(1, _BLOCKS + 1):
        x = _block(x, width, f"block_{number}", synchronized)
    return keras.Model(image, layers.Flatten(name="features")(x), name="conv4")


def _block(x, width, name, synchronized):
    x = layers.Conv2D(width, 3, padding="same", use_bias=False, name=f"{name}_conv")(x)
    # Training is short, so the moving statistics follow fast.
    x = layers.BatchNormalization(momentum=0.9, synchronized=synchronized, name=f"{name}_bn")(x)
    x = layers.ReLU(name=f"{name}_relu")(x)
    return layers.MaxPooling2D(name=f"{name}_pool")(x)
