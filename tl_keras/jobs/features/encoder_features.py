"""Features of images from a backbone, an encoder of a run, or pixels."""

import keras

from tl_keras.checks import InputError
from tl_keras.data.dataset import ImageDataset
from tl_keras.evaluation.encoders.probe_table import pixel_rows
from tl_keras.evaluation.encoders.probes import extract_features
from tl_keras.models.backbones.applications import image_size_for
from tl_keras.models.backbones.backbone import build_backbone, is_backbone_path, need_weights
from tl_keras.progress import say
from tl_keras.settings.features import PIXELS

_SIDE_OF_PIXELS = 32
_ASKED, _FALLEN_BACK = "No network was used", "Without ImageNet weights no network was used"


def encoder_features(backbone, images, *, weights=None, image_size=None):
    """Computes the features of images and a sentence on where they come from.

    Args:
        backbone: name of an application, encoder file, run folder, or "pixels".
        images: `ImageDataset`.
        weights: "imagenet", a file, "random", or "auto": pixels where ImageNet cannot be had.
            Default None: "imagenet", or the encoder's own.
        image_size: side in pixels that the encoder sees. Default None: its own, 32 for pixels.

    Returns:
        (float32 (n, d), sentence, (height, width) of the images as the encoder sees them)

    Raises:
        InputError: the backbone or its weights are not available; the message says what to do.
    """
    if backbone == PIXELS:
        return _of_pixels(images, image_size, _ASKED)
    encoder = encoder_or_pixels(backbone, images, weights, image_size)
    if encoder is None:
        return _of_pixels(images, image_size, _FALLEN_BACK)
    size = encoder.input_shape[1:3]
    side = f"{size[0]} x {size[1]} pixels"
    source = f"Similarity is that of the features of {backbone} on {side}."
    return extract_features(encoder, images), source, size


def are_of_network(source: str) -> bool:
    """Returns whether the sentence of `encoder_features` is on features of a network."""
    return not source.startswith((_ASKED, _FALLEN_BACK))


def need_encoder_weights(
    backbone: str,
    weights: str | None,
    data: str,
    image_size: int | None,
    option: str = "backbone",
) -> None:
    """Does as `need_weights`; the error names the ways of a command that can do without them.

    Args:
        option: name of the option that names the backbone, for messages.
    """
    try:
        need_weights(backbone, weights, data, image_size)
    except InputError as error:
        raise _with_ways_on(error, option) from error


def encoder_or_pixels(
    backbone: str,
    images: ImageDataset,
    weights: str | None,
    image_size: int | None,
    option: str = "backbone",
) -> keras.Model | None:
    """Does as `build_encoder`; None, which is said, where weights="auto" finds none of ImageNet.

    Args:
        option: name of the option that names the backbone, for messages.
    """
    try:
        return build_encoder(backbone, images, weights, image_size)
    except InputError as error:
        if is_backbone_path(backbone) or weights not in (None, "imagenet", "auto"):
            raise
        if weights != "auto":
            raise _with_ways_on(error, option) from error
        say(f"weights=auto: {error}")
        say(f"weights=auto: NO IMAGENET WEIGHTS for {backbone}. Using pixels.")
        return None


def _with_ways_on(error, option):
    """Returns an error that names also what does without ImageNet weights."""
    return InputError(
        f"{error} Or use --{option} RUN of `tl-keras pretrain`, or --{option} pixels."
    )


def build_encoder(
    backbone: str,
    images: ImageDataset,
    weights: str | None = None,
    image_size: int | None = None,
) -> keras.Model:
    """Builds the encoder whose features `encoder_features` computes; "pixels" is none."""
    if is_backbone_path(backbone) and weights not in (None, "auto"):
        raise InputError(
            f"Expected no weights beside {backbone}, which brings its own; received "
            f"weights={weights!r}. Leave weights out."
        )
    weights = "imagenet" if weights in (None, "auto") else weights
    size = image_size_for(backbone, images, image_size)
    return build_backbone(backbone, image_size=size, weights=weights)


def _of_pixels(images, image_size, words):
    side = image_size or _SIDE_OF_PIXELS
    source = f"{words}: similarity is that of the pixels, at {side} x {side}."
    return pixel_rows(images, (side, side)), source, (side, side)
