"""What a training run was asked to do: checked on creation, saved as config.json."""

import dataclasses

from tl_keras.checks import InputError, check_choice, check_number
from tl_keras.training.fine_tuning.objective_settings import check_source
from tl_keras.training.settings import FineTuneSettings, PseudoLabelSettings

DROPOUT = 0.3  # without a linear start; noise on its weights would undo it
NO_HIDDEN_LAYER = "linear"  # the head
REST = "rest"  # of the training pictures, those that labels_per_class leaves out


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """The settings of `tl-keras train`.

    Attributes:
        backbone: name of a base, or an encoder's file or run folder.
        data: folder, .npz, or the name of a bundled or Keras dataset.
        weights: "imagenet", "auto", "random" or a weights file; None for "imagenet", or for those
            that an encoder brings.
        head: "linear", "gap", "attention", "gated" or "residual".
        hidden_units: width of the head's hidden layer; None for 1024, and for "linear", which has
            none.
        dropout: rate before the last layer; None for 0 with a linear start, else 0.3.
        image_size: side in pixels; None for the backbone's own, or less for small pictures.
        labels_per_class: keep only so many training pictures of each class; None for all.
        source_data: for objective="joint", what `data` is for the source task.
        unlabelled: pictures without labels for a last phase with pseudo-labels: a folder, file or
            name, or "rest" for the training pictures that labels_per_class leaves out.
        split: fractions of train, val and test where the data has no split of its own.
        on_bad_image: "refuse" or "skip".
        on_duplicate: what to do with pictures in two splits, "report" or "refuse".
        test_time_flips: whether predictions are averaged over each picture and its mirror image;
            None for where training mirrors pictures too.
        out: run folder; None for runs/BACKBONE-DATA-TIME.
        fine_tune: see `FineTuneSettings`; its seed is that of the whole run.
        pseudo_labels: see `PseudoLabelSettings`; only with `unlabelled`.
    """

    backbone: str
    data: str
    weights: str | None = None
    head: str = "linear"
    hidden_units: int | None = None
    dropout: float | None = None
    image_size: int | None = None
    labels_per_class: int | None = None
    source_data: str | None = None
    unlabelled: str | None = None
    split: tuple[float, float, float] = (0.8, 0.1, 0.1)
    on_bad_image: str = "refuse"
    on_duplicate: str = "report"
    test_time_flips: bool | None = None
    out: str | None = None
    fine_tune: FineTuneSettings = dataclasses.field(default_factory=FineTuneSettings)
    pseudo_labels: PseudoLabelSettings | None = None

    def __post_init__(self):
        check_choice("on_bad_image", self.on_bad_image, ("refuse", "skip"))
        check_choice("on_duplicate", self.on_duplicate, ("report", "refuse"))
        # NumPy takes no seed above this, in whichever step it would come to that.
        check_number("seed", self.seed, minimum=0, maximum=2**32 - 1, integer=True)
        if self.dropout is not None:
            check_number("dropout", self.dropout, minimum=0, maximum=0.95)
        for name in ("image_size", "labels_per_class", "hidden_units"):
            if getattr(self, name) is not None:
                check_number(name, getattr(self, name), minimum=1, integer=True)
        check_source(self.fine_tune.objective, self.source_data, "source_data")
        check_split(self.split)
        self._fill("hidden_units", 1024, "head", has_effect=self.head != NO_HIDDEN_LAYER)
        self._check_linear_start()
        if self.unlabelled is not None and self.fine_tune.class_weights != "none":
            raise InputError(
                "Expected no class_weights with unlabelled pictures, in whose phase they would "
                f"have no effect; received class_weights={self.fine_tune.class_weights!r} with "
                f"unlabelled={self.unlabelled!r}. Leave one of the two out."
            )
        if self.unlabelled is not None and self.fine_tune.minutes is not None:
            raise InputError(
                "Expected no minutes with unlabelled, whose phase they would not bound; received "
                f"minutes={self.fine_tune.minutes:g}. Leave one of the two out."
            )
        if self.unlabelled is not None and self.fine_tune.refit:
            raise InputError(
                "Expected no refit with unlabelled, whose phase needs validation images that were "
                "not trained on; received both. Leave one of the two out."
            )
        pseudo_labels = PseudoLabelSettings()
        self._fill("pseudo_labels", pseudo_labels, "unlabelled", has_effect=bool(self.unlabelled))
        if self.unlabelled == REST and self.labels_per_class is None:
            raise InputError(
                "Expected labels_per_class with unlabelled='rest', the pictures that it leaves "
                "out; received labels_per_class=None. Give a number, or other pictures."
            )

    @property
    def seed(self):
        return self.fine_tune.seed

    def _check_linear_start(self):
        """Refuses a linear start, or its presets, under a head that can have none."""
        for name in (
            ("linear_start", "preset", "refit", "minutes") if self.head != NO_HIDDEN_LAYER else ()
        ):
            value = getattr(self.fine_tune, name)
            if value:
                raise InputError(
                    f"Expected {name} only with head={NO_HIDDEN_LAYER!r}; received "
                    f"{name}={value!r} with head={self.head!r}. Leave one of the two out."
                )

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

    def to_json(self):
        """Returns the configuration as plain dicts, lists and numbers."""
        return dataclasses.asdict(self)


def check_split(split):
    """Refuses what are not three parts (train, val, test) above 0 that make 1 in sum."""
    if len(split) != 3 or min(split) <= 0 or not abs(sum(split) - 1) < 1e-6:
        raise InputError(
            "Expected split to be three fractions above 0 that sum to 1, such as "
            f"0.8,0.1,0.1; received {split}."
        )
