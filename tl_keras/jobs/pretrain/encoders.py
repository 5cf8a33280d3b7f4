"""The encoder that learns from two views, and its image size."""

from pathlib import Path

import keras

from tl_keras.checks import InputError, check_choice
from tl_keras.jobs.train.scratch import quicken_batch_norm
from tl_keras.models.backbones.applications import APPLICATIONS, image_size_for
from tl_keras.models.backbones.backbone import build_backbone, is_backbone_path
from tl_keras.models.backbones.small_resnet import SMALLEST_SIDE, build_small_resnet
from tl_keras.models.episodic.character_encoders import build_character_resnet, build_conv4
from tl_keras.settings.image_source import SMALL_RESNET
from tl_keras.settings.label_free import CHARACTER_RESNET, CONV4, OWN_ENCODERS
from tl_keras.settings.methods import EPISODES
from tl_keras.training.fine_tuning.inputs import common_size

_BUILDERS = {
    SMALL_RESNET: build_small_resnet,
    CHARACTER_RESNET: build_character_resnet,
    CONV4: build_conv4,
}
_SIDES = {CHARACTER_RESNET: 48, CONV4: 28}  # pixels, where no size is asked for
LARGEST_SIDE = 96  # pixels, of "small_resnet" where no size is asked for


def pretraining_image_size(config, train):
    """Returns the (height, width) of the images in a pretraining.

    Args:
        config: `PretrainSettings`.
        train: `ImageDataset` as it was loaded.

    Raises:
        InputError: there is no such backbone, or it cannot be read.
    """
    if not config.row.takes_backbone:
        return common_size(train, config.image_size)
    _check_name(config)
    if is_backbone_path(config.backbone):
        return build_backbone(config.backbone, image_size=config.image_size).input_shape[1:3]
    if config.backbone not in (None, *OWN_ENCODERS):
        side = image_size_for(config.backbone, train, config.image_size)
        return side, side
    size = common_size(train, config.image_size)
    if config.image_size is not None:
        return size
    if backbone_name(config, train.is_grayscale) in _SIDES:
        return (_SIDES[backbone_name(config, train.is_grayscale)],) * 2
    return tuple(min(max(side, SMALLEST_SIDE), LARGEST_SIDE) for side in size)


def backbone_name(config, is_grayscale):
    """Returns the backbone that is asked for, or the default for the method and these images."""
    if config.backbone is not None:
        return config.backbone
    drawings = config.row.family is EPISODES and is_grayscale
    return CHARACTER_RESNET if drawings else SMALL_RESNET


def build_encoder(config, size, *, is_grayscale=False):
    """Builds the encoder of a pretraining from two views, or on episodes.

    Args:
        config: `PretrainSettings`.
        size: (height, width), of `pretraining_image_size`.
        is_grayscale: whether no image has colour.

    Returns:
        Functional model (b, h, w, 3) RGB 0-255 -> features.

    Raises:
        InputError: the backbone or its weights cannot be had.
    """
    name = backbone_name(config, is_grayscale)
    if name in _BUILDERS:
        return _BUILDERS[name](size, **({"width": config.width} if config.width else {}))
    if is_backbone_path(config.backbone):
        encoder = build_backbone(config.backbone)
        encoder.trainable = True
        return encoder
    keras.utils.set_random_seed(config.seed)
    encoder = build_backbone(config.backbone, image_size=size, weights=config.weights)
    if config.weights in (None, "random"):
        quicken_batch_norm(encoder)
    return encoder


def _check_name(config):
    name = config.backbone or SMALL_RESNET
    if not is_backbone_path(name):
        check_choice("backbone", name, (*OWN_ENCODERS, *APPLICATIONS))
    elif not Path(name).exists():
        raise InputError(
            f"Expected a backbone that exists; received {name}: no such file or folder."
        )
    if config.weights is not None and name not in APPLICATIONS:
        raise InputError(
            f"Expected weights only with the name of a base as backbone; received "
            f"weights={config.weights!r} with backbone={name!r}. Leave weights out."
        )
