"""Settings of `tl-keras compare`."""

import dataclasses
import json
from typing import Annotated

from tl_keras.checks import InputError, check_number
from tl_keras.settings.image_source import (
    HIGHEST_SEED,
    KIND,
    SIDE,
    CheckpointSettings,
    SplitSettings,
)
from tl_keras.settings.methods import TWO_VIEWS, WITHOUT_LABELS, names_of
from tl_keras.settings.options.declaration import DATA, FIRST, MODEL, RUN, Bounds
from tl_keras.settings.train import Head
from tl_keras.settings.whole_model import DeviceSettings

TUNED = ("fine-tune", "l2-sp", "joint")  # after the head, the backbone trains too
KINDS = ("scratch", "linear", "frozen", *TUNED)
PRETRAININGS = WITHOUT_LABELS  # on all training images, whose labels must not be read
EPOCHS = 30
# None until `filled`: an option that was asked for has to have an effect.
DEFAULTS = {"weights": "imagenet", "head": "linear", "views": 4}


@dataclasses.dataclass(frozen=True)
class CompareSettings(SplitSettings, CheckpointSettings, DeviceSettings):
    """Compares ways of training by the number of labels, on a page with a verdict."""

    data: Annotated[str, FIRST]
    """Folder with one sub-folder per class, or the name of a data set, as in train."""
    methods: Annotated[tuple[str, ...], FIRST] = ("scratch:cnn", "linear", "fine-tune")
    """Methods, separated by commas: scratch:mlp, scratch:cnn, scratch:rnn, scratch:BASE, scratch,
    linear, frozen, fine-tune, l2-sp, joint; PRETRAINING.

    frozen:ENCODER and the like take another network than --backbone. Those after the semicolon
    are pretrained here without labels, then tuned. See `jobs.compare.methods.parse_method`."""
    labels_per_class: Annotated[tuple[int, ...], FIRST, Bounds(minimum=1)] = (10, 50, 250)
    """Numbers of labels, separated by commas."""
    seeds: Annotated[int, FIRST, Bounds(minimum=1)] = 3
    """Runs of each method at each number of labels."""
    backbone: Annotated[str | None, FIRST] = None
    """Name (see `tl-keras backbones`), encoder file or run folder."""
    weights: Annotated[str | None, MODEL] = None
    """imagenet (the default), random or a file."""
    head: Annotated[Head | None, MODEL] = None
    """Layers between the backbone and the classes; default: linear."""
    image_size: Annotated[int | None, MODEL, SIDE] = None
    """Side in pixels for backbones; default: their own."""
    baseline_size: Annotated[int | None, MODEL, SIDE] = None
    """Side in pixels for mlp, cnn and rnn; default: the images' own, 64 at most."""
    epochs: Annotated[int | None, FIRST, Bounds(minimum=1)] = None
    """Epochs of each run; default: 30, or without end where there is a time limit."""
    seconds: Annotated[float | None, FIRST, Bounds(above=0)] = None
    """Time limit of each run; without --epochs it alone decides."""
    augment: Annotated[str, DATA] = "auto"
    """Augmentation, the same for all methods: auto, none, flip, photos, digits or cifar."""
    views: Annotated[int | None, RUN, Bounds(minimum=1)] = None
    """Augmented versions cached of each image for a frozen part; default: 4."""
    pretrain_epochs: Annotated[int | None, RUN, Bounds(minimum=1)] = None
    """Epochs of each pretraining; default: as in pretrain."""
    pretrain_minutes: Annotated[float | None, RUN, Bounds(above=0)] = None
    """Time limit of a pretraining with two views."""
    source_data: Annotated[str | None, DATA] = None
    """joint: the source, in any form that --data takes."""
    test_images: Annotated[int | None, DATA, Bounds(minimum=1)] = None
    """Measure on only so many test images."""
    seed: Annotated[int, FIRST, Bounds(minimum=0, maximum=HIGHEST_SEED)] = 0
    """First seed; with it the splits are cut."""
    _: dataclasses.KW_ONLY
    out: Annotated[str | None, FIRST] = None
    """Run folder; a comparison that was stopped goes on."""

    def __post_init__(self):
        super().__post_init__()
        for name in ("methods", "labels_per_class"):
            _check_unique(name, getattr(self, name))
        object.__setattr__(self, "labels_per_class", tuple(sorted(self.labels_per_class)))
        check_number("seed", self.seed, maximum=HIGHEST_SEED - self.seeds)
        if self.weights == "auto":
            raise InputError(
                "Expected weights to be 'imagenet', 'random' or a weights file; received 'auto', "
                "by which two comparisons could differ."
            )
        self._check_pretraining()
        self._check_source()

    @classmethod
    def described(cls, name, text):
        return text.replace("PRETRAINING", ", ".join(PRETRAININGS))

    @property
    def all_seeds(self):
        return range(self.seed, self.seed + self.seeds)

    @classmethod
    def decided_anew(cls, content, given):
        return {k: v for k, v in content.items() if k not in DEFAULTS or v != DEFAULTS[k]}

    def filled(self):
        """Returns the settings with the defaults of what was not asked for."""
        given = {name: getattr(self, name) for name in DEFAULTS if getattr(self, name) is not None}
        return dataclasses.replace(self, **DEFAULTS | given)

    def to_json(self):
        """Returns the settings as JSON reads them back, without those that change no result."""
        settings = dataclasses.asdict(self.filled())
        for name in ("out", "checkpoint_minutes", "strategy", "devices"):
            del settings[name]
        if self.precision == CompareSettings.precision:  # comparisons begun before it was an option
            del settings["precision"]
        if self.kind == CompareSettings.kind:
            for name in KIND:
                del settings[name]
        return json.loads(json.dumps(settings))

    def _check_pretraining(self):
        ways = {way for method in self.methods for way in method.split(":")}
        two_views = names_of(TWO_VIEWS)
        for name, methods in (("pretrain_epochs", PRETRAININGS), ("pretrain_minutes", two_views)):
            value = getattr(self, name)
            if value is not None and not ways.intersection(methods):
                raise InputError(
                    f"Expected {name} with a method that pretrains, such as {methods[0]}; "
                    f"received {name}={value} and the methods {', '.join(self.methods)}."
                )

    def _check_source(self):
        joint = [m for m in self.methods if m.partition(":")[0] == "joint"]
        if bool(joint) == (self.source_data is not None):
            return
        if joint:
            raise InputError(
                f"Expected source_data for the method {joint[0]!r}, which trains on a source "
                "task beside yours; received none. Give --source-data or leave the method out."
            )
        raise InputError(
            "Expected the method 'joint' with source_data; received source_data="
            f"{self.source_data!r} and the methods {', '.join(self.methods)}."
        )


def _check_unique(name, values):
    """Refuses values of which there is none, or one twice."""
    if not values or len(set(values)) < len(values):
        received = ", ".join(map(str, values)) or "none"
        raise InputError(f"Expected {name}, each once; received {received}.")
