"""Settings of `tl-keras train` and `tl-keras lr-find`."""

import dataclasses
from typing import Annotated, Literal, get_args

from tl_keras.checks import InputError, check_number
from tl_keras.settings.few_labels.recommend import OF_TRAIN, STRATEGIES
from tl_keras.settings.fine_tune import FineTuneSettings, StepSettings, without_decided
from tl_keras.settings.image_source import (
    HIGHEST_SEED,
    SIDE,
    SMALL_RESNET,
    WIDTH,
    CheckpointSettings,
    SplitOnceSettings,
    SplitSettings,
)
from tl_keras.settings.options.declaration import (
    DATA,
    FINE_TUNING,
    FIRST,
    MODEL,
    PSEUDO_LABELS,
    REGULARISATION,
    REQUIRED,
    RUN,
    Bounds,
    Checked,
    Nested,
    fields_of,
    values_of,
)
from tl_keras.settings.whole_model import DeviceSettings, PseudoLabelSettings

Head = Literal["linear", "gap", "attention", "gated", "residual"]
HEADS = get_args(Head)
NO_HIDDEN_LAYER = "linear"  # the head
HIDDEN_UNITS = 1024
DROPOUT = 0.3  # without a linear start; noise on its weights would undo it
SINGLE = {"unlabelled", "max_error"}  # with one of these the classifier is one network
# Each of these, and each option of the fine-tuning, may decide others of the fine-tuning.
DECIDERS = {"backbone", "weights", "head", "labels_per_class", "policy"} | SINGLE
REST = "rest"  # of the training images, those that labels_per_class leaves out


def usual_dropout(linear_start):
    """Returns the rate before the last layer where none is asked for."""
    return 0.0 if linear_start else DROPOUT


@dataclasses.dataclass(frozen=True)
class StartSettings(SplitSettings, DeviceSettings):
    """The data, and the classifier before it is trained."""

    backbone: Annotated[str | None, FIRST] = None
    """Name (see `tl-keras backbones`), encoder file or run folder; required but for audio.

    The default for audio is small_resnet, from random weights: spectrograms differ from the
    photographs of ImageNet."""
    data: Annotated[str, FIRST] = REQUIRED
    """Folder with one sub-folder per class, or the name of a data set.

    A folder may also hold train/, val/ and test/ of such. A .npz file and the labels.csv of
    `tl-keras label` are taken too. Names are digits, mnist, fashion_mnist, cifar10, cifar100, and
    with --kind audio chirps."""
    weights: Annotated[str | None, FIRST] = None
    """imagenet, auto, random or a file; default: imagenet, or those of the encoder."""
    head: Annotated[Head, MODEL] = "linear"
    """Layers between the backbone and the classes."""
    hidden_units: Annotated[int | None, MODEL, WIDTH] = None
    """Width of the head's hidden layer; default: 1024, and none for head linear."""
    dropout: Annotated[float | None, REGULARISATION, Bounds(minimum=0, maximum=0.95)] = None
    """Rate before the last layer; default: 0 from a linear start, else 0.3."""
    image_size: Annotated[int | None, FIRST, SIDE] = None
    """Side in pixels; default: the backbone's own, or less for small images."""
    labels_per_class: Annotated[int | None, FIRST, Bounds(minimum=1)] = None
    """Train on only so many images of each class."""

    def __post_init__(self):
        super().__post_init__()
        if self.data is REQUIRED:
            raise InputError(
                "Expected data; received none. Give a folder, or the name of a data set."
            )
        if self.backbone is None:
            self._choose_backbone()
        self._fill("hidden_units", HIDDEN_UNITS, "head", has_effect=self.head != NO_HIDDEN_LAYER)

    def _choose_backbone(self):
        if self.kind != "audio":
            raise InputError("Expected --backbone; received none. Give it.")
        object.__setattr__(self, "backbone", SMALL_RESNET)

    @property
    def seed(self):
        return self.fine_tune.seed

    def _fill(self, name, default, decider, *, has_effect):
        """Sets what was not given to its default where it has an effect; refuses it where not."""
        given = getattr(self, name)
        if has_effect and given is None:
            object.__setattr__(self, name, default)
        elif given is not None and not has_effect:
            value = getattr(self, decider)
            raise InputError(
                f"Expected no {name} where it has no effect, with {decider}={value!r}; received "
                f"{name}={given!r}. Leave it out or change {decider}."
            )


@dataclasses.dataclass(frozen=True)
class TrainSettings(StartSettings, SplitOnceSettings, CheckpointSettings):
    """Trains a classifier on labelled images and writes a run folder with a report."""

    source_data: Annotated[str | None, DATA] = None
    """joint: the source, in any form that --data takes."""
    unlabelled: Annotated[str | None, FIRST] = None
    """Images without labels for a last phase with pseudo-labels.

    A folder, a file, a name, or "rest": the training images that labels_per_class leaves out. The
    classifier is then one network, without average."""
    policy: Annotated[Literal["auto"] | None, FINE_TUNING] = None
    """auto: the choice of `tl-keras recommend` decides preset and unfreeze.

    It looks at the training images, and prints its choice and why. config.json has the settings
    that it chose, and metrics.json the choice."""
    test_time_flips: Annotated[bool | None, RUN] = None
    """Average predictions over mirror images; default: where training mirrors.

    `predict` and `evaluate` of the run do so too."""
    max_error: Annotated[float | None, RUN, Bounds(above=0, below=1)] = None
    """Promised error among the answers, e.g. 0.02; the model leaves other images to a person.

    Its outputs are then probabilities, novelty and answer. The promise is made on validation
    images that had no part in the training: there is no refit, and fine-tuning chooses its weights
    by another third of them. The classifier is one network, without average."""
    fine_tune: Annotated[FineTuneSettings, Nested()] = dataclasses.field(
        default_factory=FineTuneSettings
    )
    pseudo_labels: Annotated[
        PseudoLabelSettings | None,
        PSEUDO_LABELS,
        Nested(prefix="pseudo_", own=("epochs", "lr"), only_with="unlabelled"),
    ] = None

    def __post_init__(self):
        super().__post_init__()
        check_number("seed", self.seed, minimum=0, maximum=HIGHEST_SEED, integer=True)
        check_source(self.fine_tune.objective, self.source_data, "source_data")
        self._check_linear_start()
        self._check_max_error()
        if self.policy is not None:
            self._check_policy()
        if self.unlabelled is not None:
            self._check_pseudo_label_phase()
        pseudo_labels = PseudoLabelSettings()
        self._fill("pseudo_labels", pseudo_labels, "unlabelled", has_effect=bool(self.unlabelled))
        if self.unlabelled == REST and self.labels_per_class is None:
            raise InputError(
                "Expected labels_per_class with unlabelled='rest', the images that it leaves "
                "out; received labels_per_class=None. Give a number, or other images."
            )

    @classmethod
    def decided_anew(cls, content, given):
        """See `Checked`: another preset has other epochs, another start has another dropout."""
        tuning = content.get("fine_tune")
        deciders = DECIDERS | {option.name for option in fields_of(FineTuneSettings)}
        if not isinstance(tuning, dict) or deciders.isdisjoint(given):
            return content
        if any(content.get(name) is not None for name in SINGLE):
            tuning = {name: value for name, value in tuning.items() if name != "average"}
        usual = {"hidden_units": HIDDEN_UNITS, "dropout": usual_dropout(tuning.get("linear_start"))}
        kept = {name: value for name, value in content.items() if value != usual.get(name, ...)}
        asked = without_decided(tuning)
        if "minutes" in given and tuning.get("minutes") is not None:  # they chose the preset
            asked.pop("preset", None)
        return kept | {"fine_tune": asked}

    def _check_pseudo_label_phase(self):
        tuning = self.fine_tune
        for name, has_effect, reason in (
            ("class_weights", tuning.class_weights != "none", "would have no effect in its phase"),
            ("minutes", tuning.minutes is not None, "would not bound its phase"),
            ("refit", tuning.refit, "would leave its phase no validation images"),
            ("average", tuning.average, "would leave its phase no single network to train"),
        ):
            if has_effect:
                raise InputError(
                    f"Expected no {name} with unlabelled, as it {reason}; received "
                    f"{name}={getattr(tuning, name)!r} with unlabelled={self.unlabelled!r}. Leave "
                    "one of the two out."
                )

    def _check_policy(self):
        """Refuses options that a choice of the policy could not take, or that it decides."""
        for name in ("preset", "unfreeze", "minutes"):
            value = getattr(self.fine_tune, name)
            if value is not None:
                raise InputError(
                    f"Expected no {name} with policy={self.policy!r}, which decides it; received "
                    f"{name}={value!r}. Leave one of the two out."
                )
        if self.kind == "audio":
            raise InputError(
                f"Expected images with policy={self.policy!r}, whose results are those of images; "
                f"received kind={self.kind!r}. Leave policy out."
            )
        if self.weights not in (None, "imagenet", "auto"):
            raise InputError(
                f"Expected ImageNet weights with policy={self.policy!r}, whose results are those "
                f"of such; received weights={self.weights!r}. Leave one of the two out."
            )
        for name in OF_TRAIN:
            try:
                chosen = dataclasses.replace(self.fine_tune, **STRATEGIES[name].options)
                dataclasses.replace(self, policy=None, fine_tune=chosen)
                chosen.filled()
            except InputError as error:
                raise InputError(
                    f"{error} It is a choice of policy={self.policy!r}: leave the option or the "
                    "policy out."
                ) from None

    def _check_max_error(self):
        """Refuses to train on the validation images on which an error is promised."""
        for name, reason in (
            ("refit", "whose promise needs validation images that were not trained on"),
            ("average", "whose model answers by the features of one network"),
        ):
            if self.max_error is not None and getattr(self.fine_tune, name):
                raise InputError(
                    f"Expected no {name} with max_error, {reason}; received {name}=True with "
                    f"max_error={self.max_error}. Leave one of the two out."
                )

    def _check_linear_start(self):
        """Refuses a linear start, or its presets, under a head that can have none, and dropout
        where nothing is trained by steps.
        """
        if self.dropout and self.fine_tune.preset == "fast" and self.unlabelled is None:
            raise InputError(
                "Expected no dropout with preset='fast', which trains by no steps; received "
                f"dropout={self.dropout}. Leave one of the two out."
            )
        names = ("linear_start", "preset", "refit", "minutes", "average")
        for name in names if self.head != NO_HIDDEN_LAYER else ():
            value = getattr(self.fine_tune, name)
            if value:
                raise InputError(
                    f"Expected {name} only with head={NO_HIDDEN_LAYER!r}; received "
                    f"{name}={value!r} with head={self.head!r}. Leave one of the two out."
                )


@dataclasses.dataclass(frozen=True, kw_only=True)
class RangeSettings(Checked):
    """Learning rates of the range test."""

    lowest: Annotated[float, FIRST, Bounds(above=0)] = 1e-6
    """First learning rate."""
    highest: Annotated[float, FIRST, Bounds(above=0)] = 1.0
    """Last learning rate."""
    steps: Annotated[int, FIRST, Bounds(minimum=10)] = 100
    """Number of rates."""

    def __post_init__(self):
        super().__post_init__()
        check_number("highest", self.highest, above=self.lowest)


@dataclasses.dataclass(frozen=True, kw_only=True)
class LrFindSettings(StartSettings, RangeSettings):
    """Tests learning rates: prints one for `tl-keras train --lr` and plots why."""

    fine_tune: Annotated[StepSettings, Nested()] = dataclasses.field(default_factory=StepSettings)
    out: Annotated[str, FIRST] = "lr.png"
    """Plot of the loss by rate, .png."""

    def for_training(self):
        """Returns `TrainSettings` of the run whose rates are tested."""
        start = values_of(self, StartSettings) | {"out": None}
        return TrainSettings(**start, fine_tune=FineTuneSettings(**vars(self.fine_tune)))


def check_source(objective, source, name="source"):
    """Refuses an objective without the source that it needs, and a source without use.

    Args:
        objective: one of `OBJECTIVES`.
        source: anything, None if none was given.
        name: what the user calls it.
    """
    if (objective == "joint") != (source is not None):
        wanted = "labelled source images" if source is None else f"no {name}"
        received = f"no {name}" if source is None else name
        raise InputError(
            f"Expected {wanted} with objective={objective!r}; received {received}. "
            f"Only objective='joint' trains on a source, given as {name}."
        )
