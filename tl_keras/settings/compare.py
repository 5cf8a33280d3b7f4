"""What a comparison was asked to do: checked on creation, saved as config.json. No TensorFlow."""

import dataclasses
import json

from tl_keras.checks import InputError, check_choice, check_number
from tl_keras.config import TrainConfig
from tl_keras.jobs.pretrain.settings import METHODS, TWO_VIEWS

TUNED = ("fine-tune", "l2-sp", "joint")  # after the head, the backbone trains too
KINDS = ("scratch", "linear", "frozen", *TUNED)
# A pretraining on all training pictures must not read their labels.
PRETRAININGS = tuple(method for method in METHODS if method != "supcon")
EPOCHS = 30


@dataclasses.dataclass(frozen=True)
class CompareConfig:
    """The settings of `tl-keras compare`.

    Attributes:
        data: what `load_dataset` takes.
        methods: see `jobs.compare.methods.parse_method`.
        labels_per_class: budgets, ascending.
        seeds: how many runs each method has at each budget.
        backbone: name of a base, or an encoder's file or run folder; None if no method needs it.
        weights: "imagenet", "random" or a weights file of the backbone.
        head: head on the backbone.
        image_size: side in pixels for backbones; None for their own.
        baseline_size: side for MLP, CNN and RNN; None for the pictures' own, 64 at most.
        epochs: of each training; None for 30, or without end where there is a time limit.
        seconds: of each training; None for no limit.
        augment: as in `fine_tune`, the same for all methods.
        views: augmented versions of each picture that are cached for a frozen part.
        pretrain_epochs: of each pretraining; None for what suits the data.
        pretrain_minutes: time limit of each pretraining from two views; None for none.
        source_data: for joint, what `data` is for the source task.
        test_pictures: measure on so many pictures of the test split; None for all.
        seed: the first seed; with it the splits are cut.
        split: fractions of train, val and test where the data has no split of its own.
        on_bad_image: "refuse" or "skip".
        out: run folder.
    """

    data: str
    methods: tuple[str, ...]
    labels_per_class: tuple[int, ...]
    seeds: int = 3
    backbone: str | None = None
    weights: str = "imagenet"
    head: str = TrainConfig.head
    image_size: int | None = None
    baseline_size: int | None = None
    epochs: int | None = None
    seconds: float | None = None
    augment: str = "auto"
    views: int = 4
    pretrain_epochs: int | None = None
    pretrain_minutes: float | None = None
    source_data: str | None = None
    test_pictures: int | None = None
    seed: int = 0
    split: tuple[float, float, float] = (0.8, 0.1, 0.1)
    on_bad_image: str = "refuse"
    out: str | None = None

    def __post_init__(self):
        self._set("methods", _unique("methods", self.methods))
        budgets = _unique("labels_per_class", self.labels_per_class)
        for budget in budgets:
            check_number("labels_per_class", budget, minimum=1, integer=True)
        self._set("labels_per_class", tuple(sorted(budgets)))
        self._set("split", tuple(self.split))
        for name in ("seeds", "views"):
            check_number(name, getattr(self, name), minimum=1, integer=True)
        for name in ("image_size", "baseline_size", "epochs", "pretrain_epochs", "test_pictures"):
            if getattr(self, name) is not None:
                check_number(name, getattr(self, name), minimum=1, integer=True)
        check_number("seed", self.seed, minimum=0, maximum=2**32 - 1 - self.seeds, integer=True)
        for name in ("seconds", "pretrain_minutes"):
            if getattr(self, name) is not None:
                check_number(name, getattr(self, name), above=0)
        if self.weights == "auto":
            raise InputError(
                "Expected weights to be 'imagenet', 'random' or a weights file; received 'auto', "
                "by which two comparisons could differ."
            )
        self._check_pretraining()
        check_choice("on_bad_image", self.on_bad_image, ("refuse", "skip"))
        self._check_source()

    @property
    def all_seeds(self):
        return range(self.seed, self.seed + self.seeds)

    def to_json(self):
        """Returns the settings as JSON reads them back, without where they are written."""
        settings = dataclasses.asdict(self)
        del settings["out"]
        return json.loads(json.dumps(settings, default=str))

    def _set(self, name, value):
        object.__setattr__(self, name, value)

    def _check_pretraining(self):
        ways = {way for method in self.methods for way in method.split(":")}
        for name, methods in (("pretrain_epochs", PRETRAININGS), ("pretrain_minutes", TWO_VIEWS)):
            value = getattr(self, name)
            if value is not None and not ways.intersection(methods):
                raise InputError(
                    f"Expected {name} with a method that pretrains, such as {TWO_VIEWS[0]}; "
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


def _unique(name, values):
    """Returns `values` as a tuple, refused if it is empty or holds something twice."""
    values = (values,) if isinstance(values, str | int) else tuple(values)
    if not values or len(set(values)) < len(values):
        received = ", ".join(map(str, values)) or "none"
        raise InputError(f"Expected {name}, each once; received {received}.")
    return values
