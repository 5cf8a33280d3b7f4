"""The table of bases in `keras.applications`: constructor, pixel preprocessing and sizes."""

from pathlib import Path
from typing import NamedTuple

import keras
from keras import layers

from tl_keras.data.dataset import ImageDataset
from tl_keras.settings.image_source import SMALL_RESNET


class Application(NamedTuple):
    """Row of the table: the constructor of a base and the input it expects."""

    constructor: str  # name in keras.applications
    preprocessing: str  # "caffe", "tf", "torch", or "none" if the base contains its own
    image_size: int  # image size at which its ImageNet weights were trained
    minimum_size: int = 32


def _rows(preprocessing, image_size, minimum_size=32, **constructors):
    return {
        name: Application(constructor, preprocessing, image_size, minimum_size)
        for name, constructor in constructors.items()
    }


def _efficientnets(version, **sizes):
    rows = {}
    for variant, size in sizes.items():
        name = f"efficientnet_{version.lower()}{'_' if version else ''}{variant.lower()}"
        rows[name] = Application(f"EfficientNet{version}{variant}", "none", size)
    return rows


APPLICATIONS = {
    **_rows("caffe", 224, vgg16="VGG16", vgg19="VGG19"),
    **_rows("caffe", 224, resnet50="ResNet50", resnet101="ResNet101", resnet152="ResNet152"),
    **_rows("tf", 224, resnet50_v2="ResNet50V2", resnet101_v2="ResNet101V2"),
    **_rows("tf", 224, resnet152_v2="ResNet152V2"),
    **_rows("tf", 224, mobilenet="MobileNet", mobilenet_v2="MobileNetV2"),
    **_rows("none", 224, mobilenet_v3_small="MobileNetV3Small"),
    **_rows("none", 224, mobilenet_v3_large="MobileNetV3Large"),
    **_efficientnets("", B0=224, B1=240, B2=260, B3=300, B4=380, B5=456, B6=528, B7=600),
    **_efficientnets("V2", B0=224, B1=240, B2=260, B3=300, S=384, M=480, L=480),
    **_rows("torch", 224, densenet121="DenseNet121", densenet169="DenseNet169"),
    **_rows("torch", 224, densenet201="DenseNet201"),
    **_rows("tf", 299, 75, inception_v3="InceptionV3", inception_resnet_v2="InceptionResNetV2"),
    **_rows("tf", 299, 71, xception="Xception"),
    **_rows("tf", 224, nasnet_mobile="NASNetMobile"),
    **_rows("tf", 331, nasnet_large="NASNetLarge"),
    **_rows("none", 224, convnext_tiny="ConvNeXtTiny", convnext_small="ConvNeXtSmall"),
    **_rows("none", 224, convnext_base="ConvNeXtBase", convnext_large="ConvNeXtLarge"),
    **_rows("none", 224, convnext_xlarge="ConvNeXtXLarge"),
}

SMALL_IMAGE = 64  # side in pixels, up to which images are not enlarged to the usual size

_CAFFE_MEANS_BGR = (103.939, 116.779, 123.68)
_PIXEL_DEVIATION = 64.0  # of photographs, 0-255
_TORCH_MEANS = (0.485, 0.456, 0.406)
_TORCH_DEVIATIONS = (0.229, 0.224, 0.225)


def image_size_for_files(backbone: str | Path, asked: int | None = None) -> int | None:
    """Returns the side in pixels in which files are read, None if a backbone's file decides it.

    Args:
        backbone: str, name or path.
        asked: int, the side that was asked for; None for that of the backbone.
    """
    if backbone == SMALL_RESNET:
        return asked or SMALL_IMAGE
    row = APPLICATIONS.get(backbone)
    return asked or (row and row.image_size)


def image_size_for(
    backbone: str | Path, dataset: ImageDataset, asked: int | None = None
) -> int | None:
    """Returns the side as `image_size_for_files` does, but less for a dataset of small images."""
    usual = image_size_for_files(backbone, asked)
    small = not dataset.is_files and max(dataset.images.shape[1:3]) <= SMALL_IMAGE
    if usual is None or asked is not None or not small:
        return usual
    side = 32 if max(dataset.images.shape[1:3]) <= 32 else SMALL_IMAGE
    row = APPLICATIONS.get(backbone)
    return max(side, row.minimum_size) if row else side


def preprocess(pixels: keras.KerasTensor, kind: str) -> keras.KerasTensor:
    """Applies the pixel preprocessing of a family as layers of the graph.

    Args:
        pixels: Keras tensor (b, h, w, 3), RGB 0-255.
        kind: str. "caffe" is BGR minus ImageNet means, "tf" is [-1, 1], "torch" is [0, 1]
            standardised by channel, "none" changes nothing.

    Returns:
        Keras tensor of the same shape.
    """
    if kind == "caffe":
        offset = [-mean for mean in _CAFFE_MEANS_BGR]
        bgr = keras.ops.flip(pixels, axis=-1)
        return layers.Rescaling(1.0, offset=offset, name="preprocess_caffe")(bgr)
    if kind == "tf":
        return layers.Rescaling(1 / 127.5, offset=-1.0, name="preprocess_tf")(pixels)
    if kind == "torch":
        scale = [1 / (255 * deviation) for deviation in _TORCH_DEVIATIONS]
        pairs = zip(_TORCH_MEANS, _TORCH_DEVIATIONS, strict=True)
        offset = [-mean / deviation for mean, deviation in pairs]
        return layers.Rescaling(scale, offset=offset, name="preprocess_torch")(pixels)
    return pixels


def build_base(name: str, image_size: tuple[int, int]) -> keras.Model:
    """Builds the base called `name` with random weights and its preprocessing in one flat graph.

    Random kernels are Keras's, except in bases without a normalisation layer (VGG). Those are He
    normal, because the Glorot default hardly trains them on small data (He et al. 2015,
    arXiv:1502.01852). He's rule is for inputs of unit variance, so the first kernel is divided by
    the standard deviation of the pixels. Otherwise the first losses are near 50.

    Args:
        name: str, a key of `APPLICATIONS`.
        image_size: (int, int), height and width.

    Returns:
        Functional model (b, h, w, 3) RGB 0-255 -> (b, h', w', c), called `name`.
    """
    row = APPLICATIONS[name]
    shape = (*image_size, 3)
    image = keras.Input(shape, name="image")
    base = getattr(keras.applications, row.constructor)(
        include_top=False,
        weights=None,
        input_tensor=preprocess(image, row.preprocessing),
        input_shape=shape,
    )
    model = keras.Model(image, base.output, name=name)
    if not any("Normalization" in type(layer).__name__ for layer in model.layers):
        _draw_he_normal(model)
    if name.startswith("efficientnet_b"):
        model = _with_published_scaling(model)
    return model


def _draw_he_normal(model):
    convolutions = [layer for layer in model.layers if isinstance(layer, layers.Conv2D)]
    for layer in convolutions:
        layer.kernel_initializer = keras.initializers.HeNormal()
        layer.kernel.assign(layer.kernel_initializer(layer.kernel.shape, layer.kernel.dtype))
    convolutions[0].kernel.assign(convolutions[0].kernel / _PIXEL_DEVIATION)


def _with_published_scaling(model):
    """Adds the factor that Keras gives EfficientNet B0-B7 only with weights="imagenet".

    With the factor always present, a weights file yields the network of the download.
    """
    factors = [1 / deviation**0.5 for deviation in _TORCH_DEVIATIONS]

    def call(layer, *args, **kwargs):
        outputs = layer(*args, **kwargs)
        if isinstance(layer, layers.Normalization):
            outputs = layers.Rescaling(factors, name="preprocess_published")(outputs)
        return outputs

    return keras.models.clone_model(model, clone_function=lambda layer: layer, call_function=call)
