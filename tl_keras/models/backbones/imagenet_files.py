"""Names, addresses and hashes of the ImageNet weights of `keras.applications`.

The table repeats the arguments that the pinned Keras passes to `get_file`, and a test compares the
two. Keras therefore need not be patched to identify a file without downloading it.
"""

from typing import NamedTuple

_SERVER = "https://storage.googleapis.com/"
_KERNELS = "_weights_tf_dim_ordering_tf_kernels"

# The two oldest MobileNet families have a file for each of these sizes, and no published hash.
_SIZES = {"mobilenet": (128, 160, 192, 224), "mobilenet_v2": (96, 128, 160, 192, 224)}

# MD5 or, with 64 digits, SHA-256 of the files without a top.
_HASHES = {
    "vgg16": "6d6bbae143d832006294945121d1f1fc",
    "vgg19": "253f8cb515780f3b799900260a226db6",
    "resnet50": "4d473c1dd8becc155b73f8504c6f6626",
    "resnet101": "88cf7a10940856eca736dc7b7e228a21",
    "resnet152": "ee4c566cf9a93f14d82f913c2dc6dd0c",
    "resnet50_v2": "fac2f116257151a9d068a22e544a4917",
    "resnet101_v2": "c0ed64b8031c3730f411d2eb4eea35b5",
    "resnet152_v2": "ed17cf2e0169df9d443503ef94b23b33",
    "mobilenet_v3_small": "d3e8ec802a04aa4fc771ee12a9a9b836",
    "mobilenet_v3_large": "07fb09a5933dd0c8eaafa16978110389",
    "efficientnet_b0": "50bc09e76180e00e4465e1a485ddc09d",
    "efficientnet_b1": "74c4e6b3e1f6a1eea24c589628592432",
    "efficientnet_b2": "111f8e2ac8aa800a7a99e3239f7bfb39",
    "efficientnet_b3": "af6d107764bb5b1abb91932881670226",
    "efficientnet_b4": "ebc24e6d6c33eaebbd558eafbeedf1ba",
    "efficientnet_b5": "38879255a25d3c92d5e44e04ae6cec6f",
    "efficientnet_b6": "9ecce42647a20130c1f39a5d4cb75743",
    "efficientnet_b7": "cbcfe4450ddf6f3ad90b1b398090fe4a",
    "efficientnet_v2_b0": "893217f2bb855e2983157299931e43ff",
    "efficientnet_v2_b1": "0e80663031ca32d657f9caa404b6ec37",
    "efficientnet_v2_b2": "1dfe2e7a5d45b6632553a8961ea609eb",
    "efficientnet_v2_b3": "f6abf7b5849ac99a89b50dd3fd532856",
    "efficientnet_v2_s": "af0682fb74e8c54910f2d4393339c070",
    "efficientnet_v2_m": "1b8dc055df72dde80d614482840fe342",
    "efficientnet_v2_l": "b0b66b5c863aef5b46e8608fe1711615",
    "densenet121": "30ee3e1110167f948a6b9946edeeb738",
    "densenet169": "b8c4d4c20dd625c148057b9ff1c1176b",
    "densenet201": "c13680b51ded0fb44dff2d8f86ac8bb1",
    "inception_v3": "bcbd6486424b2319ff4ef7d526e38f63",
    "inception_resnet_v2": "d19885ff4a710c122648d3b5c3b684e4",
    "xception": "b0042744bf5b25fce3cb969f33bebb97",
    "nasnet_mobile": "1ed92395b5b598bdda52abe5c0dbfd63",
    "nasnet_large": "d81d89dc07e6e56530c4e77faddd61b5",
    "convnext_tiny": "d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1",
    "convnext_small": "6fc8009faa2f00c1c1dfce59feea9b0745eb260a7dd11bee65c8e20843da6eab",
    "convnext_base": "40a20c5548a5e9202f69735ecc06c990e6b7c9d2de39f0361e27baeb24cb7c45",
    "convnext_large": "96f02b6f0753d4f543261bc9d09bed650f24dd6bc02ddde3066135b63d23a1cd",
    "convnext_xlarge": "de3f8a54174130e0cecdc71583354753d557fcf1f4487331558e2a16ba0cfe05",
}


class WeightsFile(NamedTuple):
    """A published weights file."""

    name: str  # in the cache
    url: str
    file_hash: str | None


def imagenet_file(backbone: str, image_size: tuple[int, int]) -> WeightsFile:
    """Returns the file that Keras loads for `weights="imagenet"` without a top.

    Args:
        backbone: str, a name from `list_backbones()`.
        image_size: (int, int). Only MobileNet and MobileNetV2 have files by size. Other sizes, and
            images that are not square, use the file for 224.

    Returns:
        WeightsFile.
    """
    name, folder, remote = _place(backbone, image_size)
    url = f"{_SERVER}{folder}/{remote or name}"
    return WeightsFile(name, url, _HASHES.get(backbone))


def _place(backbone, image_size):
    """Returns the name of the file, its folder on the server and, if different, its name there."""
    if backbone in _SIZES:
        height, width = image_size
        size = height if height == width and height in _SIZES[backbone] else 224
        folder = f"tensorflow/keras-applications/{backbone}"
        if backbone == "mobilenet":
            return f"mobilenet_1_0_{size}_tf_no_top.h5", folder, None
        return f"mobilenet_v2{_KERNELS}_1.0_{size}_no_top.h5", folder, None
    family, _, variant = backbone.rpartition("_")
    if family == "mobilenet_v3":
        name = f"weights_mobilenet_v3_{variant}_224_1.0_float_no_top_v2.h5"
    elif family == "nasnet":
        folder = "tensorflow/keras-applications/nasnet"
        return f"nasnet_{variant}_no_top.h5", folder, f"NASNet-{variant}-no-top.h5"
    elif family == "efficientnet":
        return f"efficientnet{variant}_notop.h5", "keras-applications", None
    elif family == "efficientnet_v2":
        name = f"efficientnetv2-{variant}_notop.h5"
    elif family == "convnext":
        name = f"{backbone}_notop.h5"
    elif backbone.startswith("resnet"):
        family, name = "resnet", f"{backbone.replace('_', '')}{_KERNELS}_notop.h5"
    else:
        family = "densenet" if backbone.startswith("densenet") else backbone
        name = f"{backbone}{_KERNELS}_notop.h5"
    return name, f"tensorflow/keras-applications/{family}", None
