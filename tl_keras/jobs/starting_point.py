"""What a training run starts from: ImageNet weights, a file, random numbers or a source task."""

import dataclasses
from pathlib import Path

import keras

from tl_keras.checks import InputError, check_choice
from tl_keras.data.augmentation_presets import mirrors
from tl_keras.data.classes import keep_classes_of_splits
from tl_keras.data.dataset import Splits
from tl_keras.data.sources import load_dataset
from tl_keras.data.splits import keep_per_class
from tl_keras.files import read_json
from tl_keras.jobs.best_rate import best_of_rates
from tl_keras.jobs.evaluate import measure
from tl_keras.jobs.pretrain_settings import TWO_VIEWS
from tl_keras.models.applications import APPLICATIONS
from tl_keras.models.backbones import (
    get_backbone,
    imagenet_weights_cached,
    is_backbone_path,
    list_backbones,
)
from tl_keras.models.classifier import build_classifier
from tl_keras.models.heads import HEADS
from tl_keras.progress import say
from tl_keras.training.fine_tune import fine_tune
from tl_keras.training.inputs import with_mixup
from tl_keras.training.objective_settings import PLAIN

SMALL_PICTURE = 64
SOURCE_DATA = "digits"
SOURCE_CLASSES = tuple("01234")
FEW_LABELS = 5
SOURCE_EPOCHS = 8
SOURCE_RATE_FACTOR = 0.1  # at the full rate it learns the source as well, but transfers less well
# What saw a few hundred digits is far from general: all of it goes on learning, gently.
AFTER_SOURCE_TASK = {"unfreeze": "all", "backbone_lr_factor": 0.1, "label_smoothing": 0.0}
# Measured on CIFAR-10 with 250 labels a class: 66 % on validation; with a factor of 0.3 on the rate
# 64 %, with that and the upper half alone 61 %.
AFTER_TWO_VIEWS = {"unfreeze": "all", "backbone_lr_factor": 1.0}
SCRATCH_RATE_FACTORS = (1.0, 0.3, 0.1)
# Random layers that stay frozen, their moving statistics too, would be noise below the rest.
FROM_RANDOM = {
    "freeze_epochs": 0,
    "unfreeze": "all",
    "backbone_lr_factor": 1.0,
    "depth_decay": 1.0,
    "batch_norm": "train",
    "label_smoothing": 0.0,
    "mixup": 0.0,
}
# From scratch a net may idle for epochs before it learns.
FROM_SCRATCH = PLAIN | FROM_RANDOM | {"patience": None, "cutmix": None}


@dataclasses.dataclass(frozen=True)
class StartingPoint:
    """A classifier ready to be fine-tuned, the data for it, and where its weights come from.

    Attributes:
        model: the classifier.
        splits: the data; for the bundled source task only the classes it does not use.
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
        """Returns `TrainConfig` with a value for each setting that the start decides."""
        tuning = with_mixup(self.settings(config.fine_tune), self.splits.train)
        weights = config.weights or (None if self.weights["kind"] == "encoder" else "imagenet")
        return dataclasses.replace(config, fine_tune=tuning, weights=weights)

    def flips(self, config):
        """Whether `TrainConfig` takes figures as means over each picture and its mirror image."""
        mirrored = mirrors(config.fine_tune.augment, self.splits.train)
        return mirrored if config.test_time_flips is None else config.test_time_flips

    def with_note(self, asked):
        """Returns the same start, whose note names the settings that are its own choice."""
        left = [name for name in self.suited if getattr(asked, name) is None]
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
        config: `TrainConfig`.
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
        return dataclasses.replace(start, suited=suited_to(config.backbone))
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
    if config.image_size is not None:
        return config.image_size
    row = APPLICATIONS.get(config.backbone)
    if row is None or train.is_files or max(train.images.shape[1:3]) > SMALL_PICTURE:
        return None if row is None else row.image_size
    side = 32 if max(train.images.shape[1:3]) <= 32 else SMALL_PICTURE
    return max(side, row.minimum_size)


def suited_to(path):
    """Settings of `fine_tune` that suit the encoder of a run folder better than the defaults.

    Args:
        path: run folder of `tl-keras pretrain`, or any other encoder's path, for which it is {}.
    """
    settings = Path(path) / "config.json"
    return suited_after(read_json(settings).get("method") if settings.is_file() else None)


def suited_after(method):
    """The same by the method of a pretraining; None for none."""
    return AFTER_TWO_VIEWS if method in TWO_VIEWS else {}


def build(config, num_classes, image_size, *, backbone=None, weights="imagenet"):
    """Builds a classifier with the head of `config`."""
    width = {} if config.hidden_units is None else {"hidden_units": config.hidden_units}
    return build_classifier(
        backbone or config.backbone,
        num_classes,
        image_size=image_size,
        weights=weights,
        head=config.head,
        dropout=config.dropout,
        **width,
    )


def train_from_scratch(config, splits, image_size, epochs, rate_factor=1.0):
    """Trains the classifier of `config` from random weights, all of it, on the given data.

    Args:
        rate_factor: factor on the highest learning rate of `config`.

    Returns:
        (model, history)
    """
    keras.utils.set_random_seed(config.seed)
    model = build(config, splits.train.num_classes, image_size, weights="random")
    quicken_batch_norm(model)
    settings = dataclasses.asdict(config.fine_tune) | FROM_SCRATCH
    settings |= {"epochs": epochs, "lr": config.fine_tune.lr * rate_factor}
    return model, fine_tune(model, splits.train, splits.val, **settings)


def best_from_scratch(config, splits, image_size, epochs):
    """Trains from scratch at each of three learning rates; validation chooses among them.

    Returns:
        (model, its figures on validation, its learning rate, seconds of all three)
    """
    say("From scratch, at several learning rates:")
    factors = {config.fine_tune.lr * factor: factor for factor in SCRATCH_RATE_FACTORS}
    best = best_of_rates(
        lambda rate: train_from_scratch(config, splits, image_size, epochs, factors[rate]),
        factors,
        lambda model: measure(model, splits.val)[1],
    )
    return best.model, best.val, best.rate, best.seconds


def _start(config, splits, size, weights, description, backbone=None):
    classes = splits.train.num_classes
    model = build(config, classes, size, backbone=backbone, weights=weights)
    return StartingPoint(model, splits, description)


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
    """Pretrains the same base on the bundled digits 0-4 and moves it to the target task."""
    say(
        f"weights=auto: NO IMAGENET WEIGHTS for {config.backbone}. It is pretrained here on the "
        f"bundled digits {SOURCE_CLASSES[0]}-{SOURCE_CLASSES[-1]} instead."
    )
    source = keep_classes_of_splits(load_dataset(SOURCE_DATA, seed=config.seed), SOURCE_CLASSES)
    model, history = train_from_scratch(config, source, size, SOURCE_EPOCHS, SOURCE_RATE_FACTOR)
    _, figures = measure(model, source.test)
    target = _target(config, splits)
    classifier = build(config, target.train.num_classes, None, backbone=get_backbone(model))
    note = (
        f"No ImageNet weights were to be had. {config.backbone} was pretrained here on "
        f"{len(source.train)} pictures of the bundled digits 0-4 ({figures['accuracy']:.1%} on "
        f"their test set, {history.seconds['total']:.0f} s), then transferred to "
        f"{', '.join(target.train.class_names)}."
    )
    say(note)
    weights = {
        "kind": "source task",
        "note": note,
        "source_test_accuracy": figures["accuracy"],
        "source_seconds": history.seconds["total"],
    }
    return StartingPoint(classifier, target, weights, True, AFTER_SOURCE_TASK)


def _target(config, splits):
    """The data, without the classes that the source task has, and with few labels."""
    if config.data != SOURCE_DATA:
        return splits
    others = [name for name in splits.train.class_names if name not in SOURCE_CLASSES]
    target = keep_classes_of_splits(splits, others)
    if config.labels_per_class is not None:
        return target
    say(f"The target task is digits 5-9 with {FEW_LABELS} labels a class.")
    return target._replace(train=keep_per_class(target.train, FEW_LABELS, config.seed))


def quicken_batch_norm(model):
    """Lets moving statistics follow within the few steps of a short training.

    Keras's momentum of 0.99 needs some 500 steps; until then inference differs from training.
    """
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.9
