"""Settings of fine-tuning and of the range test of its learning rate."""

import dataclasses
from typing import Annotated, Literal, get_args

from tl_keras.checks import InputError
from tl_keras.settings.image_source import HIGHEST_SEED
from tl_keras.settings.options.declaration import (
    FINE_TUNING,
    FIRST,
    REGULARISATION,
    RUN,
    UNSET,
    Bounds,
    Checked,
    Start,
    choices_of,
    fields_of,
)
from tl_keras.settings.whole_model import Augment, Optimizer, Schedule, check_effect

Preset = Literal["fast", "balanced", "best"]
PRESETS = get_args(Preset)
ClassWeights = Literal["balanced", "none"]
Unfreeze = str | Literal["half", "all", "none"]  # the text is last:N or from:LAYER
# Each objective has options of its own, with their defaults.
OBJECTIVES = {
    "plain": {},
    "l2-sp": {"l2_sp_weight": 0.1, "l2_sp_head_weight": 0.01},
    "joint": {"source_weight": 1.0},
}
_OBJECTIVE_OF = {option: name for name, options in OBJECTIVES.items() for option in options}
PLAIN = {"objective": "plain", **dict.fromkeys(_OBJECTIVE_OF)}
# Fine-tunings from a linear start. Up to FEW images are fine-tuned twice: gently at the lowest
# rate, and at the highest with mixed images. More are fine-tuned once, at the highest rate. Few
# images need many epochs: "balanced" shares so many passes of single images among its
# fine-tunings, within bounds. "best" does all of them for the most epochs.
LOWEST_RATE, HIGHEST_RATE = 1e-4, 3e-4
FEW = 300  # training images
PASSES = 16_000
FEWEST_EPOCHS = 16
MOST_EPOCHS = {True: 80, False: 40}  # by whether the images are few
# A strong one differs in these from a plain one, where nothing is asked.
WEAKER = {"mixup": 0.0, "cutmix": None, "label_smoothing": 0.0}
STRONGER = {"mixup": 1.0, "cutmix": 0.5, "label_smoothing": 0.1}
# Options of fine-tunings from a linear start: without any they have no effect.
_OF_FINE_TUNINGS = (
    *("unfreeze", "lr", "backbone_lr_factor", "depth_decay", "batch_norm", "weight_decay"),
    *("label_smoothing", "mixup", "cutmix", "views", "l2_sp_weight", "l2_sp_head_weight"),
    *("clip_norm", "average", "cache_dtype"),
)
# By the setting, and its value, with which an option has no effect.
_IDLE = {
    ("unfreeze", "none"): (
        *("backbone_lr_factor", "depth_decay", "batch_norm", "l2_sp_weight", "average"),
    ),
    ("epochs", 0): ("average",),
    ("mixup", 0): ("cutmix",),
    ("augment", "none"): ("views",),
    ("cache", "none"): ("views", "cache_dtype"),
    ("linear_start", False): ("preset", "refit", "minutes", "average"),
    ("linear_start", True): ("patience",),  # the last weights are kept
    ("preset", "fast"): _OF_FINE_TUNINGS,
}
_IDLE_FROM_LINEAR = {
    ("epochs", 0): _OF_FINE_TUNINGS,
    ("unfreeze", "none"): (
        *(name for name in _OF_FINE_TUNINGS if name != "unfreeze"),
        *("epochs",),
    ),
}
# "balanced" is the preset of whoever gives none, so it is refused nowhere.
_IDLE_BEST = {("epochs", 0): ("preset",), ("unfreeze", "none"): ("preset",)}


@dataclasses.dataclass(frozen=True, kw_only=True)
class StepSettings(Checked):
    """Settings that decide a step of fine-tuning: those of `tl_keras.lr_find` too.

    A setting that is None was not asked for: `FineTuneSettings.filled` decides it.
    """

    unfreeze: Annotated[Unfreeze | None, FINE_TUNING, Start(other="half")] = None
    """Part of the backbone that trains; also last:N or from:LAYER."""
    optimizer: Annotated[Optimizer, FINE_TUNING] = "adam"
    """Optimizer."""
    backbone_lr_factor: Annotated[
        float | None, FINE_TUNING, Bounds(above=0, maximum=1), Start(1.0, 0.3)
    ] = None
    """Factor on the learning rate for the top of the backbone."""
    depth_decay: Annotated[
        float | None, FINE_TUNING, Bounds(above=0, maximum=1), Start(other=1.0)
    ] = None
    """Further factor at the bottom of the backbone, geometric between."""
    weight_decay: Annotated[float | None, REGULARISATION, Bounds(minimum=0), Start(other=0.05)] = (
        None
    )
    """Decoupled weight decay, on kernels, in proportion to the rate of each."""
    clip_norm: Annotated[float | None, REGULARISATION, Bounds(above=0)] = None
    """Highest norm of the gradient of all weights together; default: no limit."""
    label_smoothing: Annotated[
        float | None,
        REGULARISATION,
        Bounds(minimum=0, maximum=0.9),
        Start(other=0.1, words="by the preset"),
    ] = None
    """Part of the label that is spread over all classes; 0 for none."""
    mixup: Annotated[float | None, REGULARISATION, Bounds(minimum=0)] = None
    """Alpha of the mixing of image pairs; default: by the preset or where long training mirrors.

    Two images and their labels are blended where the frozen part ends, by a number drawn from a
    Beta distribution, see `data.pipelines.mixing`. Without a linear start the default is 1 where
    the augmentation mirrors images and a phase has at least 500 steps, else 0."""
    cutmix: Annotated[float | None, REGULARISATION, Bounds(minimum=0, maximum=1)] = None
    """Part of the mixed images that are cut, not blended; default: 0.5."""
    batch_size: Annotated[int | None, FINE_TUNING, Bounds(minimum=1)] = None
    """Images per step over all replicas; default: 32, less for under 256 images."""
    augment: Annotated[Augment, REGULARISATION] = "auto"
    """Augmentation of the training images."""
    cache: Annotated[Literal["auto", "memory", "disk", "none"], RUN] = "auto"
    """Place of the cached features of the frozen part; auto: memory, or disk without room there."""
    cache_dtype: Annotated[Literal["float32", "float16"] | None, RUN] = None
    """Type of cached features; default: what has room.

    float16 takes half the room and is not bit-equal; the default is float32 where all views fit."""
    batch_norm: Annotated[Literal["frozen", "train"] | None, FINE_TUNING, Start(other="frozen")] = (
        None
    )
    """Batch normalisation of the unfrozen part: frozen, or trained with it."""
    seed: Annotated[int, FIRST, Bounds(minimum=0, maximum=HIGHEST_SEED)] = 0
    """Seed of splits, order, augmentation and initial weights."""
    class_weights: Annotated[ClassWeights, REGULARISATION] = "none"
    """balanced: every class counts the same in the loss.

    An image of class c weighs n / (classes * n_c), in the loss of the linear start too. Strength,
    epoch and point are chosen on validation with its classes weighed alike, because a good macro
    score is the goal. The probabilities suppose classes of one size."""

    def __post_init__(self):
        super().__post_init__()
        if self.unfreeze is not None:
            parse_unfreeze(self.unfreeze)


@dataclasses.dataclass(frozen=True, kw_only=True)
class FineTuneSettings(StepSettings):
    """Settings of `tl_keras.fine_tune`.

    A setting that is None was not asked for: `filled` decides it. What would have no effect beside
    another setting is refused.
    """

    linear_start: Annotated[bool | None, FINE_TUNING] = None
    """Start from a logistic regression on frozen features; default: where nothing speaks against.

    Only for a head of one Dense layer, without `freeze_epochs` and objective="joint". The head's
    Dropout acts while fine-tuning; 0 is best."""
    preset: Annotated[Preset | None, FIRST] = None
    """Effort from a linear start; default: balanced.

    "fast": the linear start alone; options of fine-tuning are refused. "balanced": and fine-tuning,
    of up to 300 images twice: gently, and with mixup=1 and label_smoothing=0.1. "best": once more,
    and for more epochs. All of it where nothing else is given."""
    average: Annotated[bool | None, FINE_TUNING] = None
    """Average the predictions of linear start and fine-tunings; default: where there are both.

    `tl-keras train` saves a model that does so. It is refused with --unlabelled and --max-error,
    which take one network. In Python `average_classifier` builds it, and `fine_tune` keeps the
    weights that it takes. With --no-average `tl-keras train` saves the one network that validation
    speaks for, which is smaller."""
    minutes: Annotated[float | None, FIRST, Bounds(above=0)] = None
    """Time limit from a linear start; `tl-keras train` chooses the preset by it.

    The command limits all it does, and chooses among the presets that can do what else was asked,
    up to a --preset that was given. Not with --unlabelled. In `fine_tune` a fine-tuning, or the
    last one of refit, is left out if it would end later than so long after the call, judged by
    those before."""
    refit: Annotated[bool | None, FINE_TUNING] = None
    """Repeat the training on train and val together, from a linear start.

    That is the fine-tuning that was chosen and, with average=True, each other one.

    The model has then seen the validation images, and `history.from_linear` has what it predicted
    for them before. The default of `fine_tune` is False; that of `tl-keras train` is True without
    --labels-per-class and --unlabelled."""
    freeze_epochs: Annotated[int | None, FINE_TUNING, Bounds(minimum=0), Start(0, 3)] = None
    """Epochs of the head alone, with the whole backbone frozen."""
    epochs: Annotated[
        int | None, FIRST, Bounds(minimum=0), Start(other=40, words="by the number of images")
    ] = None
    """Epochs with the unfrozen part.

    From a linear start 16,000 divided by the number of training images, at least 16 and at most 40.
    Up to 300 images each of two fine-tunings has half as many, at most 80. With preset="best" 40
    and 80."""
    lr: Annotated[
        float | None, FIRST, Bounds(above=0), Start(other=1e-3, words="by the number of images")
    ] = None
    """Highest learning rate of the head.

    From a linear start 3e-4, and 1e-4 of a gentle fine-tuning. One that is given is that of all,
    and with preset="balanced" there is one without mixed images then."""
    schedule: Annotated[Schedule, FINE_TUNING] = "cosine"
    """Course of the learning rate; cosine warms up over a tenth of the steps."""
    cache_gb: Annotated[float | None, RUN, Bounds(above=0)] = None
    """Gigabytes for cached images and features; default: a share of what is free.

    In memory and on disk together. The default is a quarter of the free memory, 2 GiB at most, and
    half of the free disk. What does not fit is cached in fewer views or, with a line, not. Only the
    features of a linear start have to fit; decoded images give up their room for them."""
    views: Annotated[int | None, RUN, Bounds(minimum=1)] = None
    """Augmented versions cached of each image, taken in turn; default: 8 from a linear start, else
    24.

    At most one for each epoch."""
    patience: Annotated[int | None, FINE_TUNING, Bounds(minimum=0)] = None
    """Without a linear start: epochs without better validation that end a phase; 0 for never.

    The default is never: while the learning rate is high a lucky epoch would end a phase too
    soon."""
    objective: Annotated[Literal["plain", "l2-sp", "joint"], REGULARISATION] = "plain"
    """Function that is minimised.

    With L the loss on the target, "plain" is L. "l2-sp" is
    L + l2_sp_weight / 2 * ||w - w0||^2 + l2_sp_head_weight / 2 * ||v||^2. Here w are the trainable
    weights of the backbone, w0 the same at the start, and v those of the head. `weight_decay` acts
    beside it. "joint" is L + source_weight * (loss on the source). Two heads share the backbone,
    and each step has as many images of the source as of the target. A weight of 0 is exactly
    "plain"."""
    l2_sp_weight: Annotated[float | None, REGULARISATION, Bounds(minimum=0)] = None
    """l2-sp: pull of the backbone to its start; default: 0.1."""
    l2_sp_head_weight: Annotated[float | None, REGULARISATION, Bounds(minimum=0)] = None
    """l2-sp: pull of the head to zero; default: 0.01."""
    source_weight: Annotated[float | None, REGULARISATION, Bounds(minimum=0)] = None
    """joint: weight of the source's loss; default: 1."""

    def __post_init__(self):
        super().__post_init__()
        if self.patience == 0:
            object.__setattr__(self, "patience", None)
        _check_objective(self)
        for idle in _idle(self.linear_start):
            check_effect(self, idle)
        if self.preset == "best":
            check_effect(self, _IDLE_BEST)
        _check_linear_start(self)

    def filled(self, suited=None):
        """Returns the settings with a value for each that was not asked for and has an effect.

        Args:
            suited: {name: value} that suits the start; what is not in it is as in `FROM_LINEAR` or,
                without a linear start, as in `PRETRAINED`. From a linear start what `STRONGER`
                names stays None, see `fine_tunings`.
        """
        given = {name: value for name, value in vars(self).items() if value is not None}
        asked = (suited or {}) | given
        linear = asked.get("linear_start", self._allows_linear_start)
        values = PRETRAINED | (FROM_LINEAR if linear else {}) | asked
        if values.get("preset") == "fast":
            values["epochs"] = 0
        # The number of images decides these, and fine-tunings differ in them.
        own = {None: (), "fast": ("lr",)}
        own = own.get(values.get("preset"), ("lr", "epochs", *STRONGER))
        values = {k: v for k, v in values.items() if k not in own or k in asked}
        for idle in _idle(linear):
            for (name, value), options in idle.items():
                if values.get(name) == value:
                    values = {k: v for k, v in values.items() if k not in options or k in given}
        return FineTuneSettings(**values)

    def fine_tunings(self, size):
        """The settings of each fine-tuning from a linear start, the gentlest first.

        Args:
            size: number of training images, which decides rate and epochs where none are given.
        """
        if self.unfreeze == "none" or self.epochs == 0:
            return []
        plain = {"lr": HIGHEST_RATE, **WEAKER}
        gentle, strong = plain | {"lr": LOWEST_RATE}, plain | STRONGER
        few = size <= FEW and self.lr is None
        if self.preset == "best":
            tables = [gentle, plain, strong] if few else [plain, strong]
        else:
            tables = [gentle, strong] if few else [plain]
        epochs = epochs_for(size, self.preset, len(tables))
        tables = [table | {"epochs": epochs} for table in tables]
        tries, names = [], [n for n in ("lr", "epochs", *STRONGER) if getattr(self, n) is None]
        mixes = any(table["mixup"] for table in tables)
        for table in tables:
            mixup = table["mixup"] if self.mixup is None else self.mixup
            values = table | {"cutmix": STRONGER["cutmix"] if mixup else None}
            values = {name: values[name] for name in names}
            if mixes and not mixup:  # a part of mixed images that was asked for is for the others
                values["cutmix"] = None
            tried = dataclasses.replace(self, **values)
            tries += [] if tried in tries else [tried]
        return tries

    @property
    def _allows_linear_start(self):
        """True if what was asked for can begin from a linear start."""
        return self.freeze_epochs is None and self.objective != "joint"


# Of these the start decides where nothing is asked: what suits a pretrained backbone whose head
# starts from random weights,
_STARTS = {option.name: option.marker(Start) for option in fields_of(FineTuneSettings)}
PRETRAINED = {"linear_start": False} | {
    name: start.other for name, start in _STARTS.items() if start and start.other is not UNSET
}
# and a head that starts from a logistic regression on frozen features.
FROM_LINEAR = {"linear_start": True, "preset": "balanced", "refit": False, "average": True}
FROM_LINEAR |= {"views": 8}
FROM_LINEAR |= {
    name: start.linear for name, start in _STARTS.items() if start and start.linear is not UNSET
}


def without_decided(tuning):
    """Returns {name: value} of a run's fine-tuning without what its start and preset decided."""
    start = {name: tuning.get(name) for name in ("linear_start", "preset")}
    usual = vars(FineTuneSettings(**start).filled()) | {"refit": True, "preset": "balanced"}
    usual |= {"linear_start": True, "average": True}
    return {name: value for name, value in tuning.items() if value != usual.get(name, value)}


def _idle(linear):
    """The tables of options without effect, with or without a linear start."""
    return [_IDLE, _IDLE_FROM_LINEAR] if linear else [_IDLE]


def _check_objective(settings):
    """Refuses options that the objective does not use."""
    for option, user in _OBJECTIVE_OF.items():
        value = getattr(settings, option)
        if value is not None and user != settings.objective:
            raise InputError(
                f"Expected {option} only with objective={user!r}; received {option}={value!r} "
                f"with objective={settings.objective!r}."
            )


def _check_linear_start(settings):
    """Refuses options that contradict a linear start, or its preset."""
    linear = "linear_start=True" if settings.linear_start else ""
    fast = "preset='fast'" if settings.preset == "fast" else ""
    ends = [("epochs", 0), ("unfreeze", "none")] if linear else []
    ends = [f"{name}={value!r}" for name, value in ends if getattr(settings, name) == value]
    alone = fast or next(iter(ends), "")  # what leaves the linear start alone
    objective = "" if settings.objective == "plain" else settings.objective
    for name, value, kind in (
        ("freeze_epochs", settings.freeze_epochs, linear),
        ("objective", objective, linear if objective == "joint" else alone),
        ("epochs", settings.epochs, fast),
    ):
        if kind and value:
            raise InputError(
                f"Expected no {name} with {kind}, which has none; received {name}={value!r}. Leave "
                "out one of the two."
            )


def option_value(settings, option):
    """The value of an option of the objective in `settings`, its default if it is None."""
    value = getattr(settings, option)
    return OBJECTIVES[_OBJECTIVE_OF[option]][option] if value is None else value


def epochs_for(size, preset, fine_tunings):
    """Returns the epochs of each of so many fine-tunings on `size` training images."""
    most = MOST_EPOCHS[size <= FEW]
    if preset == "best":
        return most
    return min(max(round(PASSES / size / fine_tunings), FEWEST_EPOCHS), most)


def parse_unfreeze(setting):
    """Splits an `unfreeze` setting into its kind and its value.

    Args:
        setting: "half", "all", "none", "last:N" (N layers) or "from:LAYER".

    Returns:
        (kind, value): value is an int for "last", a layer's name for "from", else None.

    Raises:
        InputError: it is none of these.
    """
    kind, _, value = str(setting).partition(":")
    if setting in choices_of(Unfreeze):
        return kind, None
    if kind == "last" and value.isdecimal() and int(value) > 0:
        return kind, int(value)
    if kind == "from" and value:
        return kind, value
    raise InputError(
        "Expected unfreeze to be 'half', 'all', 'none', 'last:N' (N layers) or 'from:LAYER'; "
        f"received unfreeze={setting!r}."
    )
