"""The encoder of a few-shot run, and what suits its features."""

import dataclasses
import math
from pathlib import Path

import keras

from tl_keras.data.dataset import ImageDataset
from tl_keras.data.sounds.sound_images import Sounds
from tl_keras.files import read_json
from tl_keras.jobs.features.encoder_features import encoder_or_pixels
from tl_keras.jobs.runs.reading.pretrained_run import load_pretrained_run
from tl_keras.models.backbones.backbone import build_backbone
from tl_keras.models.episodic.prototypical import PrototypicalNetwork
from tl_keras.settings.features import PIXELS
from tl_keras.settings.few_labels.few_shot import COSINE, FewShotSettings
from tl_keras.settings.few_labels.zero_shot import ZeroShotSettings
from tl_keras.settings.methods import METHODS

_SIDE_OF_PIXELS = 32
# With so many, the nearest by pixels was right for 68 % of letters instead of 49 % at five labels,
# and for 88 % of digits instead of 85 %. Copies gained nothing on MobileNetV2 (docs/few-shot.md).
_COPIES_OF_PIXELS = 10


@dataclasses.dataclass(frozen=True, eq=False)
class Encoder:
    """Encoder with what suits its features.

    Attributes:
        model: images 0-255 -> features.
        source: a sentence on where the features come from.
        usual: method that is used for "auto"; "auto" is that of `SupportClassifier`.
        metric, factor: see `SupportClassifier`.
        copies: augmented copies of each support image by default.
    """

    model: keras.Model
    source: str
    usual: str = "auto"
    metric: str = COSINE
    factor: float | None = None
    copies: int = 0


def load_encoder(
    settings: FewShotSettings | ZeroShotSettings, images: ImageDataset, option: str = "encoder"
) -> Encoder:
    """Returns the encoder of a run.

    Args:
        settings: with `encoder`, `weights` and `image_size`.
        images: `ImageDataset` that decides the size of a named backbone.
        option: name of the option that names the encoder, for messages.

    Raises:
        InputError: the encoder or its weights are not available.
    """
    if settings.encoder == PIXELS:
        return _pixels(settings.image_size, "No network was used")
    if _is_prototypical(Path(settings.encoder)):
        return _prototypical(settings)
    named = settings.encoder, images, settings.weights, settings.image_size
    model = encoder_or_pixels(*named, option)
    if model is None:
        return _pixels(settings.image_size, "Without ImageNet weights no network was used")
    return Encoder(model, _source(settings, model))


def sounds_of(settings: FewShotSettings) -> Sounds | None:
    """Returns the settings of the spectrograms; None for images.

    A run that was trained on sounds is given them as it heard them, unless options say otherwise.
    """
    config = Path(settings.encoder) / "config.json"
    recorded = Sounds.recorded(read_json(config)) if config.is_file() else None
    given = settings.clip_seconds or settings.sample_rate
    return Sounds.asked(settings) if given or recorded is None else recorded


def _source(settings, model):
    side = " x ".join(map(str, model.input_shape[1:3]))
    return f"Features are those of {settings.encoder} on {side} pixels."


def _is_prototypical(path):
    """Returns whether a path is the finished run of a prototypical network."""
    if not (path / "config.json").is_file() or not (path / "model.keras").is_file():
        return False
    row = METHODS.get(read_json(path / "config.json").get("method"))
    model = f"{PrototypicalNetwork.__module__}:{PrototypicalNetwork.__name__}"
    return row is not None and row.model == model


def _prototypical(settings):
    """Returns the encoder as it was trained: its own metric, factor and unscaled features."""
    network = load_pretrained_run(settings.encoder).model
    weights = "imagenet" if settings.weights in (None, "auto") else settings.weights
    model = build_backbone(network.encoder, image_size=settings.image_size, weights=weights)
    return Encoder(
        model,
        _source(settings, model),
        usual="prototype",
        metric=network.similarity,
        factor=math.exp(float(network.log_factor.numpy())),
    )


def _pixels(image_size, words):
    """Returns a model whose features are the pixels, from 0 to 1."""
    side = image_size or _SIDE_OF_PIXELS
    image = keras.Input((side, side, 3), name="image")
    scaled = keras.layers.Rescaling(1 / 255, name="pixels_scale")(image)
    model = keras.Model(image, keras.layers.Flatten(name="pixels_flat")(scaled), name=PIXELS)
    source = f"{words}: features are the pixels, at {side} x {side}."
    return Encoder(model, source, usual="nearest", copies=_COPIES_OF_PIXELS)
