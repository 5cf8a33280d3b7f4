"""The encoder of a few-shot run, and the metric that suits its features."""

from pathlib import Path

import keras

from tl_keras.checks import InputError
from tl_keras.data.dataset import ImageDataset
from tl_keras.files import read_json
from tl_keras.jobs.runs.encoder_features import build_encoder
from tl_keras.models.backbones.backbone import is_backbone_path
from tl_keras.progress import say
from tl_keras.settings.few_shot import COSINE, FewShotSettings
from tl_keras.settings.label_free import PIXELS
from tl_keras.settings.methods import METHODS

_SIDE_OF_PIXELS = 32


def load_encoder(settings: FewShotSettings, images: ImageDataset) -> tuple[keras.Model, str]:
    """Returns the encoder of a run and a sentence on where its features come from.

    Args:
        settings: `FewShotSettings`.
        images: `ImageDataset` that decides the size of a named backbone.

    Raises:
        InputError: the encoder or its weights are not available.
    """
    if settings.encoder == PIXELS:
        return _pixels(settings.image_size), "No network was used: features are pixels."
    try:
        encoder = build_encoder(settings.encoder, images, settings.weights, settings.image_size)
    except InputError as error:
        if is_backbone_path(settings.encoder) or settings.weights not in (None, "imagenet", "auto"):
            raise
        if settings.weights != "auto":
            raise InputError(
                f"{error} Or use --encoder RUN of `tl-keras pretrain`, or --encoder pixels."
            ) from error
        say(f"weights=auto: {error}")
        say(f"weights=auto: NO IMAGENET WEIGHTS for {settings.encoder}. Using pixels.")
        words = "Without ImageNet weights no network was used: features are pixels."
        return _pixels(settings.image_size), words
    side = " x ".join(map(str, encoder.input_shape[1:3]))
    return encoder, f"Features are those of {settings.encoder} on {side} pixels."


def metric_of(encoder: str) -> str:
    """Returns the metric of the features: that of a run's method, or cosine."""
    config = Path(encoder) / "config.json"
    if not config.is_file():
        return COSINE
    method = METHODS.get(read_json(config).get("method"))
    return COSINE if method is None else method.metric


def _pixels(image_size):
    """Returns a model whose features are the pixels, from 0 to 1."""
    side = image_size or _SIDE_OF_PIXELS
    image = keras.Input((side, side, 3), name="image")
    scaled = keras.layers.Rescaling(1 / 255, name="pixels_scale")(image)
    return keras.Model(image, keras.layers.Flatten(name="pixels_flat")(scaled), name=PIXELS)
