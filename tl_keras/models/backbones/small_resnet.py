"""A residual network for small images, lean enough for label-free learning on a few CPU cores."""

import keras
from keras import layers

from tl_keras.checks import check_number
from tl_keras.data.images import check_image_size
from tl_keras.models.backbones.normalised_convolution import normalised_convolution

_STAGES = 4
_LARGE_SIDE = 48  # pixels; above it the stem divides the sides by 4, else by 2
SMALLEST_SIDE = 16


def build_small_resnet(image_size: tuple[int, int] | int, *, width: int = 32) -> keras.Model:
    """Builds an encoder for images of 28 to 96 pixels per side.

    It has a 3x3 convolution of stride 2 and four residual blocks of two 3x3 convolutions. Each
    block but the first has twice the channels at half the resolution. Its convolutions are plain,
    because grouped ones are slow on a CPU. At 32 x 32 pixels and width 32 an image costs 16 million
    multiplications. This is a 35th of ResNet-18 with the usual stem for such images.

    Args:
        image_size: int or (height, width), at least 16 pixels per side.
        width: int, channels of the first block. The features have 8 times as many dimensions.
            Defaults to 32.

    Returns:
        Functional model named "small_resnet": "image" (b, h, w, 3) RGB 0-255 -> features
        (b, 8 * width).

    Raises:
        InputError: an argument is out of range.

    Reference:
        He, Zhang, Ren, Sun 2016, arXiv 1512.03385. The shortcut is a pooled 1x1 convolution if
        the shapes differ: He et al. 2019, arXiv 1812.01187.
    """
    pair = (image_size, image_size) if isinstance(image_size, int) else image_size
    size = check_image_size(pair)
    for side in size:
        check_number("image_size", side, minimum=SMALLEST_SIDE, integer=True)
    check_number("width", width, minimum=1, integer=True)
    image = keras.Input((*size, 3), name="image")
    x = layers.Rescaling(1.0 / 127.5, -1.0, name="scaled")(image)
    x = _convolved(x, width, "stem", strides=2)
    if max(size) > _LARGE_SIDE:
        x = layers.MaxPooling2D(3, 2, padding="same", name="stem_pool")(x)
    for stage in range(_STAGES):
        x = _block(x, width * 2**stage, f"block_{stage + 1}", strides=2 if stage else 1)
    x = layers.GlobalAveragePooling2D(name="features")(x)
    return keras.Model(image, x, name="small_resnet")


def _block(x, channels, name, strides):
    short = x
    if strides > 1:
        short = layers.AveragePooling2D(strides, padding="same", name=f"{name}_short_pool")(x)
    if x.shape[-1] != channels:
        short = normalised_convolution(short, channels, f"{name}_short", kernel_size=1)
    x = _convolved(x, channels, f"{name}_1", strides=strides)
    x = normalised_convolution(x, channels, f"{name}_2")
    return layers.ReLU(name=f"{name}_out")(layers.Add(name=f"{name}_add")([x, short]))


def _convolved(x, channels, name, strides=1):
    return layers.ReLU(name=f"{name}_relu")(
        normalised_convolution(x, channels, name, strides=strides)
    )
