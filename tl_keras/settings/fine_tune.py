"""The settings of the functions that train, checked without loading TensorFlow."""

import dataclasses

from tl_keras.checks import InputError, check_choice, check_number
from tl_keras.training.fine_tuning.objective_settings import check_objective

OPTIMIZERS = ("adam", "sgd", "rmsprop")
SCHEDULES = ("cosine", "one-cycle", "constant")
CACHES = ("auto", "memory", "disk", "none")
CLASS_WEIGHTS = ("balanced", "none")
_CHOICES = {
    "cache_dtype": ("float32", "float16"),
    "batch_norm": ("frozen", "train"),
    "class_weights": CLASS_WEIGHTS,
}
SCOPES = ("global", "layer")  # of pruning: over what magnitudes are compared
ALSO = ("depthwise", "last")  # kernels that are pruned only if they are named
PRESETS = ("fast", "balanced", "best")
# Of these the start decides where nothing is asked. Here is what suits a pretrained backbone whose
# head starts from random weights:
PRETRAINED = {
    "linear_start": False,
    "lr": 1e-3,
    "freeze_epochs": 3,
    "epochs": 40,
    "unfreeze": "half",
    "backbone_lr_factor": 0.3,
    "depth_decay": 1.0,
    "batch_norm": "frozen",
    "weight_decay": 0.05,
    "label_smoothing": 0.1,
}
# and a head that starts from a logistic regression on frozen features.
FROM_LINEAR = {
    "linear_start": True,
    "preset": "balanced",
    "refit": False,
    "freeze_epochs": 0,
    "epochs": 16,
    "backbone_lr_factor": 1.0,
    "label_smoothing": 0.0,
    "mixup": 0.0,
    "views": 8,
}
# Highest learning rate for each training image, and its limits. Few images and a high rate take
# the head away from where the regression put it, and often what is learned does not make up for
# it; where images are far from photographs it does, so few images are tried at the highest too.
RATE_PER_IMAGE, LOWEST_RATE, HIGHEST_RATE = 5e-7, 3e-5, 3e-4
TWO_RATES = 2  # factor between the two from which on both are tried
# The preset "best" also tries a gentler fine-tuning, at this factor on the rate, and a stronger
# one, which differs in these where nothing is asked.
GENTLER = 1 / 3
STRONGER = {"lr": 3e-4, "epochs": 40, "mixup": 1.0, "cutmix": 0.5, "label_smoothing": 0.1}
# By the setting, and its value, with which an option has no effect.
_IDLE = {
    ("unfreeze", "none"): ("backbone_lr_factor", "depth_decay", "batch_norm", "l2_sp_weight"),
    ("mixup", 0): ("cutmix",),
    ("augment", "none"): ("views",),
    ("cache", "none"): ("views", "cache_dtype"),
    ("linear_start", False): ("preset", "refit", "minutes"),
    ("linear_start", True): ("patience",),  # the last weights are kept
    ("preset", "fast"): (  # nothing is fine-tuned
        *("unfreeze", "lr", "backbone_lr_factor", "depth_decay", "batch_norm", "weight_decay"),
        *("label_smoothing", "mixup", "cutmix", "views", "l2_sp_weight", "l2_sp_head_weight"),
    ),
}


@dataclasses.dataclass(frozen=True)
class FineTuneSettings:
    """See `tl_keras.training.fine_tuning.fine_tune.fine_tune` for what each setting means.

    A setting that is None was not asked for: `filled` decides it. What would have no effect beside
    another setting is refused.
    """

    freeze_epochs: int | None = None
    epochs: int | None = None
    unfreeze: str | None = None
    optimizer: str = "adam"
    lr: float | None = None
    backbone_lr_factor: float | None = None
    depth_decay: float | None = None
    schedule: str = "cosine"
    weight_decay: float | None = None
    label_smoothing: float | None = None
    mixup: float | None = None
    cutmix: float | None = None
    batch_size: int | None = None
    augment: str = "auto"
    cache: str = "auto"
    cache_dtype: str | None = None
    cache_gb: float | None = None
    views: int | None = None
    batch_norm: str | None = None
    patience: int | None = None
    seed: int = 0
    class_weights: str = "none"
    objective: str = "plain"
    l2_sp_weight: float | None = None
    l2_sp_head_weight: float | None = None
    source_weight: float | None = None
    linear_start: bool | None = None
    preset: str | None = None
    refit: bool | None = None
    minutes: float | None = None

    def __post_init__(self):
        check_objective(self)
        if self.unfreeze is not None:
            parse_unfreeze(self.unfreeze)
        _check_shared(self)
        check_choice("cache", self.cache, CACHES)
        for name, choices in _CHOICES.items():
            if getattr(self, name) is not None:
                check_choice(name, getattr(self, name), choices)
        _check_given(self, "freeze_epochs", minimum=0, integer=True)
        _check_given(self, "mixup", minimum=0)
        _check_given(self, "cutmix", minimum=0, maximum=1)
        for name in ("backbone_lr_factor", "depth_decay"):
            _check_given(self, name, above=0, maximum=1)
        _check_given(self, "views", minimum=1, integer=True)
        _check_given(self, "minutes", above=0)
        _check_given(self, "cache_gb", above=0)
        if self.preset is not None:
            check_choice("preset", self.preset, PRESETS)
        _check_effect(self, _IDLE)
        _check_linear_start(self)

    def filled(self, suited=None):
        """Returns the settings with a value for each that was not asked for and has an effect.

        Args:
            suited: {name: value} that suits the start; what is not in it is as in `FROM_LINEAR` or,
                without a linear start, as in `PRETRAINED`. With preset="best" what `STRONGER`
                names stays None, see `fine_tunings`.
        """
        given = {name: value for name, value in vars(self).items() if value is not None}
        asked = (suited or {}) | given
        linear = asked.get("linear_start", self._allows_linear_start)
        values = PRETRAINED | (FROM_LINEAR if linear else {}) | asked
        if values.get("preset") == "fast":
            values["epochs"] = 0
        # The number of images decides the rates, and the fine-tunings of "best" differ in more.
        own = {None: (), "best": STRONGER}.get(values.get("preset"), ("lr",))
        values = {k: v for k, v in values.items() if k not in own or k in asked}
        for (name, value), options in _IDLE.items():
            if values.get(name) == value:
                values = {k: v for k, v in values.items() if k not in options or k in given}
        return FineTuneSettings(**values)

    def fine_tunings(self, size):
        """The settings of each fine-tuning from a linear start, the usual one first.

        Args:
            size: number of training images, which decides the learning rate if none is given.
        """
        if self.unfreeze == "none" or self.epochs == 0:
            return []
        rates, more = [usual_rate(size)], []
        if TWO_RATES * rates[0] <= HIGHEST_RATE:
            rates.append(HIGHEST_RATE)
        if self.preset == "best":
            rates.append(GENTLER * rates[0])
            more = [STRONGER]
        tables = [*(FROM_LINEAR | {"lr": rate} for rate in rates), *more]
        tries = []
        for table in tables:
            values = {name: table.get(name) for name in STRONGER if getattr(self, name) is None}
            tried = dataclasses.replace(self, **values)
            if tried.mixup and tried.cutmix is None:
                tried = dataclasses.replace(tried, cutmix=STRONGER["cutmix"])
            tries += [] if tried in tries else [tried]
        return tries

    @property
    def _allows_linear_start(self):
        """True if what was asked for can begin from a linear start."""
        return self.freeze_epochs is None and self.objective != "joint"


def _check_linear_start(settings):
    """Refuses options that contradict a linear start, or its preset."""
    name, value = next(
        (
            (name, getattr(settings, name))
            for name, has_effect in (
                ("freeze_epochs", settings.linear_start and settings.freeze_epochs),
                ("objective", settings.linear_start and settings.objective == "joint"),
                ("epochs", settings.preset == "fast" and settings.epochs),
            )
            if has_effect
        ),
        (None, None),
    )
    if name is not None:
        kind = "preset='fast'" if name == "epochs" else "linear_start=True"
        raise InputError(
            f"Expected no {name} with {kind}, which has none; received {name}={value!r}. Leave out "
            "one of the two."
        )


@dataclasses.dataclass(frozen=True)
class FromScratchSettings:
    """See `tl_keras.training.whole.from_scratch.fit_from_scratch` for what each setting means."""

    epochs: int = 12
    optimizer: str = "adam"
    lr: float = 1e-3
    schedule: str = "cosine"
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    batch_size: int | None = None
    augment: str = "auto"
    patience: int | None = None
    seed: int = 0

    def __post_init__(self):
        _check_shared(self)


@dataclasses.dataclass(frozen=True)
class DistillSettings(FromScratchSettings):
    """See `tl_keras.training.whole.distillation.distill` for what each setting means."""

    temperature: float = 4.0
    alpha: float = 0.9
    views: int | None = None

    def __post_init__(self):
        super().__post_init__()
        check_distillation(self.temperature, self.alpha)
        _check_given(self, "views", minimum=1, integer=True)
        _check_effect(self, {("augment", "none"): ("views",)})


def check_distillation(temperature, alpha):
    """Refuses a temperature or a weight of the teacher that has no meaning."""
    check_number("temperature", temperature, above=0)
    check_number("alpha", alpha, minimum=0, maximum=1)


@dataclasses.dataclass(frozen=True)
class PseudoLabelSettings(FromScratchSettings):
    """See `training.whole.pseudo_labels.fit_with_pseudo_labels` for what each setting means."""

    epochs: int = 10
    confidence: float = 0.95
    unlabelled_weight: float = 1.0
    unlabelled_ratio: int = 7
    average_decay: float = 0.999
    strong_augment: str = "auto"
    backbone_lr_factor: float = 0.3
    depth_decay: float = 1.0

    def __post_init__(self):
        super().__post_init__()
        check_fix_match(self.confidence, self.unlabelled_weight, self.average_decay)
        check_number("unlabelled_ratio", self.unlabelled_ratio, minimum=1, integer=True)
        for name in ("backbone_lr_factor", "depth_decay"):
            check_number(name, getattr(self, name), above=0, maximum=1)


def check_fix_match(confidence, unlabelled_weight, average_decay):
    """Refuses numbers of `FixMatch` that have no meaning."""
    check_number("confidence", confidence, above=0, below=1)
    check_number("unlabelled_weight", unlabelled_weight, minimum=0)
    check_number("average_decay", average_decay, minimum=0, below=1)


@dataclasses.dataclass(frozen=True)
class PruneSettings(FromScratchSettings):
    """See `tl_keras.training.whole.pruning.prune` for what each setting means."""

    prune_epochs: int = 4
    epochs: int = 8
    lr: float = 3e-4
    scope: str = "global"
    also: tuple[str, ...] = ()

    def __post_init__(self):
        super().__post_init__()
        check_number("prune_epochs", self.prune_epochs, minimum=0, integer=True)
        check_choice("scope", self.scope, SCOPES)
        for kind in self.also:
            check_choice("also", kind, ALSO)


@dataclasses.dataclass(frozen=True)
class WithoutLabelsSettings:
    """See `training.whole.without_labels.fit_without_labels` for what each setting means."""

    epochs: int = 20
    optimizer: str = "adam"
    lr: float | None = None
    schedule: str = "cosine"
    epsilon: float | None = None
    weight_decay: float | None = None
    batch_size: int | None = None
    augment: str | None = None
    seed: int = 0

    def __post_init__(self):
        _check_training(self)
        _check_given(self, "epsilon", above=0)


def _check_shared(settings):
    _check_training(settings)
    _check_given(settings, "label_smoothing", minimum=0, maximum=0.9)
    _check_given(settings, "patience", minimum=1, integer=True)


def _check_training(settings):
    check_choice("optimizer", settings.optimizer, OPTIMIZERS)
    check_choice("schedule", settings.schedule, SCHEDULES)
    check_number("seed", settings.seed, minimum=0, integer=True)
    _check_given(settings, "epochs", minimum=0, integer=True)
    _check_given(settings, "lr", above=0)
    _check_given(settings, "weight_decay", minimum=0)
    _check_given(settings, "batch_size", minimum=1, integer=True)


def _check_given(settings, name, **limits):
    """Checks a number that may be None."""
    if getattr(settings, name) is not None:
        check_number(name, getattr(settings, name), **limits)


def _check_effect(settings, idle):
    """Refuses options that were given and have no effect.

    Args:
        settings: any of these classes.
        idle: as `_IDLE`.
    """
    for (name, value), options in idle.items():
        for option in options if getattr(settings, name) == value else ():
            if getattr(settings, option) is not None:
                raise InputError(
                    f"Expected no {option} where it has no effect, with {name}={value!r}; received "
                    f"{option}={getattr(settings, option)!r}. Leave it out or change {name}."
                )


def usual_rate(size):
    """Returns the highest learning rate from a linear start on `size` training images."""
    return min(max(RATE_PER_IMAGE * size, LOWEST_RATE), HIGHEST_RATE)


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
    if setting in ("none", "all", "half"):
        return kind, None
    if kind == "last" and value.isdecimal() and int(value) > 0:
        return kind, int(value)
    if kind == "from" and value:
        return kind, value
    raise InputError(
        "Expected unfreeze to be 'half', 'all', 'none', 'last:N' (N layers) or 'from:LAYER'; "
        f"received unfreeze={setting!r}."
    )
