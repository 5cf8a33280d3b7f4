"""Starting point of a training run: ImageNet weights, a file, random numbers or a source task."""

import dataclasses

import keras

from tl_keras.checks import InputError, check_choice
from tl_keras.data.dataset import Splits
from tl_keras.data.pipelines.augmentation_presets import mirrors
from tl_keras.jobs.train.other_images.letters_task import demonstration, learn_letters
from tl_keras.jobs.train.scratch import build, quicken_batch_norm
from tl_keras.jobs.train.suited_settings import (
    FROM_RANDOM,
    SMALL_FROM_RANDOM,
    SMALL_ON_SOUNDS,
    after_letters,
    suited_to,
)
from tl_keras.models.backbones.applications import image_size_for
from tl_keras.models.backbones.backbone import (
    check_backbone,
    get_backbone,
    imagenet_weights_cached,
    is_backbone_path,
)
from tl_keras.progress import say
from tl_keras.settings.image_source import SMALL_RESNET
from tl_keras.settings.train import HEADS, TrainSettings, usual_dropout
from tl_keras.training.fine_tuning.inputs import suited_to_data
from tl_keras.training.fine_tuning.linear_head import suited_to_head
from tl_keras.training.step_memory import within_memory


@dataclasses.dataclass(frozen=True)
class StartingPoint:
    """Classifier before fine-tuning, its data, and the origin of its weights.

    Attributes:
        model: the classifier.
        splits: the data; see `letters_task.demonstration`.
        weights: {"kind", "note", ...}, for metrics.json and the report.
        from_source_task: whether the backbone was pretrained here, for want of ImageNet weights.
        suited: settings of `fine_tune` that suit this start better than the defaults.
    """

    model: keras.Model
    splits: Splits
    weights: dict
    from_source_task: bool = False
    suited: dict = dataclasses.field(default_factory=dict)

    def settings(self, asked):
        """Returns `FineTuneSettings` as given, with values that suit this start for all others."""
        return asked.filled(self.suited)

    def resolved(self, config):
        """Returns `TrainSettings` with a value for each setting that the start decides.

        The rate of the model's dropout is set to that of the result.
        """
        suited = self.suited
        # Who asks for so many labels would be trained on more with the validation images, and a
        # promised error needs images that were not trained on.
        kept_out = config.labels_per_class, config.unlabelled, config.max_error
        if kept_out == (None, None, None) and len(self.splits.val):
            suited = {"refit": True} | suited
        if (config.unlabelled, config.max_error) != (None, None):
            suited = {"average": False} | suited
        tuning = suited_to_data(config.fine_tune.filled(suited), self.splits.train)
        kind = self.weights["kind"]
        weights = config.weights or {"encoder": None, "random": "random"}.get(kind, "imagenet")
        dropout = config.dropout
        if dropout is None:
            dropout = usual_dropout(tuning.linear_start)
            self.model.get_layer("head_dropout").rate = dropout
        return dataclasses.replace(config, fine_tune=tuning, weights=weights, dropout=dropout)

    def flips(self, config):
        """Returns whether predictions are averaged over each image and its mirror image."""
        mirrored = mirrors(config.fine_tune.augment, self.splits.train)
        return mirrored if config.test_time_flips is None else config.test_time_flips

    def with_note(self, asked):
        """Returns the same start, whose note names the settings that are its own choice."""
        left = [name for name in self.suited if getattr(asked, name) is None]
        left = [name for name in left if name != "linear_start"]  # its settings say enough
        values = {name: getattr(self.settings(asked), name) for name in left}
        chosen = [f"{name}={value}" for name, value in values.items() if value is not None]
        if not chosen:
            return self
        words = f"Settings that suit this start: {', '.join(chosen)}."
        say(words)
        weights = {**self.weights, "note": f"{self.weights['note']} {words}"}
        return dataclasses.replace(self, weights=weights)


def check_names(config: TrainSettings) -> None:
    """Refuses names that cannot work before anything is read or downloaded."""
    check_choice("head", config.head, HEADS)
    check_backbone(config.backbone)


def starting_point(
    config: TrainSettings, splits: Splits, classifier: keras.Model | None = None
) -> StartingPoint:
    """Builds the classifier that `config` asks for.

    Args:
        classifier: model from the file or run folder `config.backbone`, to share its backbone;
            None to read it.

    Returns:
        `StartingPoint`.

    Raises:
        InputError: weights cannot be had; the message names the ways on.
    """
    return _start_of(config, splits, classifier).with_note(config.fine_tune)


def _start_of(config, splits, classifier):
    size = image_size_for(config.backbone, splits.train, config.image_size)
    if is_backbone_path(config.backbone):
        note = f"The backbone is the encoder {config.backbone}, with its own weights."
        if config.weights not in (None, "auto"):
            raise InputError(
                f"Expected no weights beside {config.backbone}, which brings its own; received "
                f"weights={config.weights!r}. Leave weights out."
            )
        description = {"kind": "encoder", "note": note}
        start = _start(config, splits, size, "imagenet", description, classifier)
        return dataclasses.replace(start, suited=start.suited | suited_to(config.backbone))
    if config.backbone == SMALL_RESNET:
        return _small_start(config, splits, size)
    config = dataclasses.replace(config, weights=config.weights or "imagenet")
    if config.weights != "auto":
        start = _start(config, splits, size, config.weights, _described(config))
        if config.weights != "random":
            return start
        quicken_batch_norm(start.model)
        return dataclasses.replace(start, suited=FROM_RANDOM)
    if imagenet_weights_cached(config.backbone, size):
        return _start(config, splits, size, "imagenet", _described(config))
    try:
        return _start(config, splits, size, "imagenet", _described(config))
    except InputError as error:
        say(f"weights=auto: {error}")
        return _pretrained_here(config, splits, size)


def _small_start(config, splits, size):
    """The start of a network that has no published weights, at its own epochs and rate."""
    weights = "random" if config.weights in (None, "auto") else config.weights
    config = dataclasses.replace(config, weights=weights)
    start = _start(config, splits, size, weights, _described(config))
    suited = SMALL_ON_SOUNDS if splits.train.sounds else SMALL_FROM_RANDOM
    return dataclasses.replace(start, suited=FROM_RANDOM | suited)


def _start(config, splits, size, weights, description, backbone=None):
    classes = splits.train.num_classes
    with within_memory():
        model = build(config, classes, size, backbone=backbone, weights=weights)
    return StartingPoint(model, splits, description, suited=suited_to_head(model))


def _described(config):
    if config.weights in ("imagenet", "auto"):
        note = f"{config.backbone} starts from its published ImageNet weights."
        return {"kind": "imagenet", "note": note}
    if config.weights == "random":
        note = f"{config.backbone} starts from random numbers: this is training from scratch."
        return {"kind": "random", "note": note}
    note = f"{config.backbone} starts from the weights in {config.weights}."
    return {"kind": "file", "file": config.weights, "note": note}


def _pretrained_here(config, splits, size):
    """Pretrains the same base on drawn letters and moves it to the target task."""
    say(
        f"weights=auto: NO IMAGENET WEIGHTS for {config.backbone}. It is pretrained here on "
        "drawn letters instead."
    )
    model, weights = learn_letters(config, splits.train, size)
    start = _start(config, demonstration(config, splits), size, "random", weights)
    get_backbone(start.model).set_weights(get_backbone(model).get_weights())
    quicken_batch_norm(start.model)
    suited = after_letters(start.model, len(start.splits.train))
    return dataclasses.replace(start, from_source_task=True, suited=suited)
