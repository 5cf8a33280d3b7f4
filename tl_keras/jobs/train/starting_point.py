"""Starting point of a training run: ImageNet weights, a file, random numbers or a source task."""

import dataclasses
from pathlib import Path

import keras

from tl_keras.checks import InputError, check_choice
from tl_keras.data.dataset import Splits
from tl_keras.data.pipelines.augmentation_presets import mirrors
from tl_keras.files import read_json
from tl_keras.jobs.train.letters_task import LETTERS_NOTE, demonstration, learn_letters
from tl_keras.jobs.train.scratch import (
    FROM_RANDOM,
    NORMALISED_BATCH,
    batch_norms,
    build,
    quicken_batch_norm,
)
from tl_keras.models.backbones.applications import APPLICATIONS
from tl_keras.models.backbones.backbone import (
    get_backbone,
    imagenet_weights_cached,
    is_backbone_path,
    list_backbones,
)
from tl_keras.progress import say
from tl_keras.settings.methods import TWO_VIEWS, names_of
from tl_keras.settings.train import HEADS, usual_dropout
from tl_keras.training.fine_tuning.from_linear import suited_to_head
from tl_keras.training.fine_tuning.inputs import default_batch_size, suited_to_data

SMALL_PICTURE = 64
# What saw only letters goes on learning, all of it, under a head that is ready for it.
AFTER_LETTERS = {
    "linear_start": False,
    "freeze_epochs": 20,
    "epochs": 25,
    "unfreeze": "all",
    "backbone_lr_factor": 0.3,
}
# Measured on CIFAR-10 with 250 labels a class: 66 % on validation; with a factor of 0.3 on the rate
# 64 %, with that and the upper half alone 61 %.
AFTER_TWO_VIEWS = {"linear_start": False, "unfreeze": "all", "backbone_lr_factor": 1.0}


@dataclasses.dataclass(frozen=True)
class StartingPoint:
    """A classifier ready to be fine-tuned, the data for it, and where its weights come from.

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
        """Returns `FineTuneSettings` as asked; what was not asked for suits this start."""
        return asked.filled(self.suited)

    def resolved(self, config):
        """Returns `TrainSettings` with a value for each setting that the start decides.

        The rate of the model's dropout is set to that of the result.
        """
        suited = self.suited
        # Who asks for so many labels would be trained on more with the validation images.
        if config.labels_per_class is None and config.unlabelled is None and len(self.splits.val):
            suited = {"refit": True} | suited
        tuning = suited_to_data(config.fine_tune.filled(suited), self.splits.train)
        weights = config.weights or (None if self.weights["kind"] == "encoder" else "imagenet")
        dropout = config.dropout
        if dropout is None:
            dropout = usual_dropout(tuning.linear_start)
            self.model.get_layer("head_dropout").rate = dropout
        return dataclasses.replace(config, fine_tune=tuning, weights=weights, dropout=dropout)

    def flips(self, config):
        """Tells if predictions are averaged over each image and its mirror image."""
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


def check_names(config):
    """Refuses names that cannot work before anything is read or downloaded."""
    check_choice("head", config.head, HEADS)
    check_backbone(config.backbone)


def check_backbone(backbone, *others):
    """Refuses what is no backbone's name, file or run folder, nor one of the words `others`."""
    if not is_backbone_path(backbone):
        check_choice("backbone", backbone, (*list_backbones(), *others))
    elif not Path(backbone).exists():
        raise InputError(f"Expected a backbone file; received {backbone}: no such file.")


def starting_point(config, splits, classifier=None):
    """Builds the classifier that `config` asks for.

    Args:
        config: `TrainSettings`.
        splits: the data.
        classifier: what was read from the file or run folder `config.backbone`, to share its
            backbone; None to read it.

    Returns:
        `StartingPoint`.

    Raises:
        InputError: weights cannot be had; the message names the ways on.
    """
    return _start_of(config, splits, classifier).with_note(config.fine_tune)


def _start_of(config, splits, classifier):
    size = image_size_for(config, splits.train)
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


def image_size_for(config, train):
    """Side in pixels: what was asked for, else the backbone's own, or less for small pictures."""
    usual = image_size_for_files(config)
    small = not train.is_files and max(train.images.shape[1:3]) <= SMALL_PICTURE
    if usual is None or config.image_size is not None or not small:
        return usual
    side = 32 if max(train.images.shape[1:3]) <= 32 else SMALL_PICTURE
    return max(side, APPLICATIONS[config.backbone].minimum_size)


def image_size_for_files(config):
    """Side in pixels in which files are wanted; None where the backbone is a file that knows it."""
    row = APPLICATIONS.get(config.backbone)
    return config.image_size or (row and row.image_size)


def suited_to(path):
    """Settings of `fine_tune` that suit the encoder of a run folder better than the defaults.

    Args:
        path: run folder of `tl-keras pretrain`, or any other encoder's path, for which it is {}.
    """
    settings = Path(path) / "config.json"
    return suited_after(read_json(settings).get("method") if settings.is_file() else None)


def suited_after(method):
    """Returns those settings by the method of a pretraining; None for none."""
    return AFTER_TWO_VIEWS if method in names_of(TWO_VIEWS) else {}


def _start(config, splits, size, weights, description, backbone=None):
    classes = splits.train.num_classes
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
    model, figures, seconds = learn_letters(config, splits.train, size)
    target = demonstration(config, splits)
    classifier = _start(config, target, size, "random", None).model
    get_backbone(classifier).set_weights(get_backbone(model).get_weights())
    note = (
        f"No ImageNet weights were to be had. {config.backbone} was pretrained here on "
        f"{LETTERS_NOTE} ({figures['accuracy']:.1%} on letters held out, {seconds:.0f} s), then "
        f"transferred to {config.data}."
    )
    say(note)
    weights = {
        "kind": "source task",
        "note": note,
        "source_test_accuracy": figures["accuracy"],
        "source_seconds": seconds,
    }
    quicken_batch_norm(classifier)
    suited = after_letters(classifier, len(target.train))
    return StartingPoint(classifier, target, weights, True, suited)


def after_letters(model, size):
    """Settings of `fine_tune` that suit a network that saw only letters, on `size` images.

    Statistics of batch normalisation learn too, in batches that are large enough. Few images then
    have twice the epochs in the same time. ResNet50 on fifty digits of another seed: 80 % on
    validation after 25 epochs with frozen statistics at 0.3 of the rate, 86 % after 50 so.
    """
    if not batch_norms(model):
        return AFTER_LETTERS
    usual = default_batch_size(size)
    return AFTER_LETTERS | {
        "epochs": AFTER_LETTERS["epochs"] * (2 if usual < NORMALISED_BATCH else 1),
        "backbone_lr_factor": 1.0,
        "batch_norm": "train",
        "batch_size": max(NORMALISED_BATCH, usual),
    }
