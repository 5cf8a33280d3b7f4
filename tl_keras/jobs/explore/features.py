"""What `explore` looks at pictures with: a backbone, an encoder of a run, or no net at all."""

from tl_keras.checks import InputError
from tl_keras.evaluation.encoders.probe_table import pixel_rows
from tl_keras.evaluation.encoders.probes import extract_features
from tl_keras.models.backbones.applications import image_size_for
from tl_keras.models.backbones.backbone import build_backbone, is_backbone_path
from tl_keras.progress import say
from tl_keras.settings.label_free import PIXELS

_SIDE_OF_PIXELS = 32


def picture_features(config, pictures):
    """Returns the features of pictures and a sentence on where they come from.

    Args:
        config: `ExploreSettings`.
        pictures: `ImageDataset`.

    Returns:
        (float32 (n, d), sentence, (height, width) that was looked at)

    Raises:
        InputError: the backbone or its weights cannot be had; the message names the ways on.
    """
    if config.backbone == PIXELS:
        return _of_pixels(config, pictures, "No net was used: ")
    try:
        encoder = _encoder(config, pictures)
    except InputError as error:
        if is_backbone_path(config.backbone) or config.weights not in (None, "imagenet", "auto"):
            raise
        if config.weights == "auto":
            say(f"weights=auto: {error}")
            say(f"weights=auto: NO IMAGENET WEIGHTS for {config.backbone}. Exploring pixels.")
            return _of_pixels(config, pictures, "No ImageNet weights were to be had, so no net: ")
        raise InputError(
            f"{error} Or explore with --backbone RUN of `tl-keras pretrain`, or --backbone pixels."
        ) from error
    size = encoder.input_shape[1:3]
    words = f"of {config.backbone} on {size[0]} x {size[1]} pixels"
    return extract_features(encoder, pictures), f"Alike is what the features {words} say.", size


def _encoder(config, pictures):
    if is_backbone_path(config.backbone) and config.weights not in (None, "auto"):
        raise InputError(
            f"Expected no weights beside {config.backbone}, which brings its own; received "
            f"weights={config.weights!r}. Leave weights out."
        )
    weights = "imagenet" if config.weights in (None, "auto") else config.weights
    size = image_size_for(config.backbone, pictures, config.image_size)
    return build_backbone(config.backbone, image_size=size, weights=weights)


def _of_pixels(config, pictures, words):
    side = config.image_size or _SIDE_OF_PIXELS
    note = f"{words}alike is what has like pixels, at {side} x {side}."
    return pixel_rows(pictures, (side, side)), note, (side, side)
