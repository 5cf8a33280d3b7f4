"""Features of images for `explore`: from a backbone, an encoder of a run, or pixels."""

from tl_keras.checks import InputError
from tl_keras.evaluation.encoders.probe_table import pixel_rows
from tl_keras.evaluation.encoders.probes import extract_features
from tl_keras.models.backbones.applications import image_size_for
from tl_keras.models.backbones.backbone import build_backbone, is_backbone_path
from tl_keras.progress import say
from tl_keras.settings.label_free import PIXELS

_SIDE_OF_PIXELS = 32


def image_features(config, images):
    """Returns the features of images and a sentence on where they come from.

    Args:
        config: `ExploreSettings`.
        images: `ImageDataset`.

    Returns:
        (float32 (n, d), sentence, (height, width) of the images as the encoder sees them)

    Raises:
        InputError: the backbone or its weights are not available; the message says what to do.
    """
    if config.backbone == PIXELS:
        return _of_pixels(config, images, "No network was used")
    try:
        encoder = _encoder(config, images)
    except InputError as error:
        if is_backbone_path(config.backbone) or config.weights not in (None, "imagenet", "auto"):
            raise
        if config.weights == "auto":
            say(f"weights=auto: {error}")
            say(f"weights=auto: NO IMAGENET WEIGHTS for {config.backbone}. Exploring pixels.")
            return _of_pixels(config, images, "Without ImageNet weights no network was used")
        raise InputError(
            f"{error} Or explore with --backbone RUN of `tl-keras pretrain`, or --backbone pixels."
        ) from error
    size = encoder.input_shape[1:3]
    side = f"{size[0]} x {size[1]} pixels"
    source = f"Similarity is that of the features of {config.backbone} on {side}."
    return extract_features(encoder, images), source, size


def _encoder(config, images):
    if is_backbone_path(config.backbone) and config.weights not in (None, "auto"):
        raise InputError(
            f"Expected no weights beside {config.backbone}, which brings its own; received "
            f"weights={config.weights!r}. Leave weights out."
        )
    weights = "imagenet" if config.weights in (None, "auto") else config.weights
    size = image_size_for(config.backbone, images, config.image_size)
    return build_backbone(config.backbone, image_size=size, weights=weights)


def _of_pixels(config, images, words):
    side = config.image_size or _SIDE_OF_PIXELS
    source = f"{words}: similarity is that of the pixels, at {side} x {side}."
    return pixel_rows(images, (side, side)), source, (side, side)
