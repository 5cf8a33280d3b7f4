"""Settings of the functions that train all layers of a model, and the devices of all training."""

import dataclasses
from typing import Annotated, Literal

from tl_keras.checks import InputError
from tl_keras.settings.image_source import HIGHEST_SEED
from tl_keras.settings.options.declaration import (
    DATA,
    FINE_TUNING,
    FIRST,
    POSITIONAL,
    REGULARISATION,
    RUN,
    Bounds,
    Checked,
)

Optimizer = Literal["adam", "sgd", "rmsprop"]
Augment = Literal[
    Literal["auto", "none", "flip", "photos", "digits", "cifar"],
    Literal["digits-strong", "cifar-strong", "photos-strong", "audio", "audio-strong"],
]
Schedule = Literal["cosine", "one-cycle", "constant"]
Strategy = Literal["auto", "one", "mirrored", "multiworker"]
Precision = Literal["float32", "mixed_bfloat16", "mixed_float16"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeviceSettings(Checked):
    """Devices of every command that trains, and the number format in which they compute."""

    strategy: Annotated[Strategy, RUN] = "auto"
    """Distribution over devices: one, mirrored (this machine), multiworker (several machines).

    "auto" is multiworker where TF_CONFIG or SLURM describes several processes, else mirrored with
    several GPUs or --devices, else one. Results are those of one device, up to rounding, for a
    batch size that the replicas share evenly."""
    devices: Annotated[int | None, RUN, Bounds(minimum=1)] = None
    """mirrored: replicas on this machine; default: all GPUs.

    Without a GPU they are logical CPUs, which share its cores: for trying, not for speed."""
    precision: Annotated[Precision, RUN] = "float32"
    """Number format of the layers; mixed formats keep weights and predictions in float32.

    mixed_bfloat16 and mixed_float16 are for GPUs with such units. The loss of mixed_float16 is
    scaled, so that small gradients do not become zero."""

    def __post_init__(self):
        super().__post_init__()
        if self.devices is None or self.strategy in ("auto", "mirrored"):
            return
        if self.strategy == "multiworker" or self.devices > 1:
            raise InputError(
                f"Expected devices only with strategy='mirrored'; received devices={self.devices} "
                f"with strategy={self.strategy!r}. Leave one of the two out."
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class LaunchSettings(Checked):
    """Runs a command that trains in several processes of this machine, which share each batch.

    `tl-keras launch --workers 2 -- train --data images/ --backbone mobilenet_v2`. On a cluster no
    launcher is needed: start the command itself in each process, under SLURM or with TF_CONFIG.
    """

    command: Annotated[tuple[str, ...], POSITIONAL]
    """Command with its options, after two hyphens."""
    workers: Annotated[int, FIRST, Bounds(minimum=1)] = 2
    """Number of processes; the first is the chief, which writes the run folder and prints."""


@dataclasses.dataclass(frozen=True)
class OptimizerSettings(Checked):
    """Settings that all training has."""

    epochs: Annotated[int, FIRST, Bounds(minimum=0)] = 12
    """Passes over the images."""
    optimizer: Annotated[Optimizer, FINE_TUNING] = "adam"
    """Optimizer."""
    lr: Annotated[float, FIRST, Bounds(above=0)] = 1e-3
    """Highest learning rate."""
    schedule: Annotated[Schedule, FINE_TUNING] = "cosine"
    """Course of the learning rate; cosine warms up over a tenth of the steps."""
    weight_decay: Annotated[float, REGULARISATION, Bounds(minimum=0)] = 0.0
    """Decoupled weight decay, on kernels, in proportion to the rate of each."""
    batch_size: Annotated[int | None, FINE_TUNING, Bounds(minimum=1)] = None
    """Images per step over all replicas; default: what suits the data and the method."""
    augment: Annotated[Augment, DATA] = "auto"
    """Augmentation of the training images."""
    seed: Annotated[int, RUN, Bounds(minimum=0, maximum=HIGHEST_SEED)] = 0
    """Seed of order, augmentation and initial weights."""


@dataclasses.dataclass(frozen=True)
class FromScratchSettings(OptimizerSettings):
    """Settings of `tl_keras.fit_from_scratch`."""

    label_smoothing: Annotated[float, REGULARISATION, Bounds(minimum=0, maximum=0.9)] = 0.0
    """Part of the label that is spread over all classes; 0 for none."""
    patience: Annotated[int | None, FINE_TUNING, Bounds(minimum=0)] = None
    """Epochs without better validation that end a phase; default, as 0: never.

    While the learning rate is high a lucky epoch would end a phase too soon."""

    def __post_init__(self):
        super().__post_init__()
        if self.patience == 0:
            object.__setattr__(self, "patience", None)


@dataclasses.dataclass(frozen=True)
class DistillSettings(FromScratchSettings):
    """Settings of `tl_keras.distill`."""

    temperature: Annotated[float, FIRST, Bounds(above=0)] = 4.0
    """Temperature of both softmaxes."""
    alpha: Annotated[float, FIRST, Bounds(minimum=0, maximum=1)] = 0.9
    """Weight of the teacher; 0 trains on the labels alone."""
    views: Annotated[int | None, DATA, Bounds(minimum=1)] = None
    """Augmented versions of each image that the teacher predicts; default: one for each epoch."""

    def __post_init__(self):
        super().__post_init__()
        check_effect(self, {("augment", "none"): ("views",), ("alpha", 0): ("views",)})
        if self.alpha == 0 and self.temperature != DistillSettings.temperature:
            raise InputError(
                "Expected no temperature where it has no effect, with alpha=0; received "
                f"temperature={self.temperature!r}. Leave it out or change alpha."
            )

    def check_unlabelled(self, unlabelled):
        """Refuses images without labels where they would take no part."""
        if self.alpha == 0 and unlabelled is not None:
            raise InputError(
                "Expected no unlabelled images with alpha=0, which trains on the labels alone; "
                "received some. Leave them out, or give the teacher a weight."
            )


@dataclasses.dataclass(frozen=True)
class PseudoLabelSettings(FromScratchSettings):
    """Settings of `tl_keras.fit_with_pseudo_labels`."""

    epochs: Annotated[int, FINE_TUNING, Bounds(minimum=0)] = 10
    """Epochs of the phase with pseudo-labels, over the unlabelled images.

    An epoch goes over the labelled images at least once."""
    lr: Annotated[float, FINE_TUNING, Bounds(above=0)] = 1e-3
    """Highest learning rate of the phase with pseudo-labels."""
    confidence: Annotated[float, FINE_TUNING, Bounds(above=0, below=1)] = 0.95
    """Probability from which on a prediction is taken for a label."""
    unlabelled_weight: Annotated[float, FINE_TUNING, Bounds(minimum=0)] = 1.0
    """Weight of the pseudo-labels' loss.

    With 0 the model trains on the labels alone, for as many steps."""
    unlabelled_ratio: Annotated[int, FINE_TUNING, Bounds(minimum=1)] = 7
    """Unlabelled images to each labelled one in a batch."""
    average_decay: Annotated[float, FINE_TUNING, Bounds(minimum=0, below=1)] = 0.999
    """Decay of the moving average of the weights; 0 for none."""
    strong_augment: Annotated[Augment, DATA] = "auto"
    """Augmentation of the strongly augmented views; auto: the strong one of --augment."""
    backbone_lr_factor: Annotated[float, FINE_TUNING, Bounds(above=0, maximum=1)] = 0.3
    """Factor on the learning rate for the top of the backbone, if the model has one."""
    depth_decay: Annotated[float, FINE_TUNING, Bounds(above=0, maximum=1)] = 1.0
    """Further factor at the bottom of the backbone, geometric between."""


@dataclasses.dataclass(frozen=True)
class PruneSettings(FromScratchSettings):
    """Settings of `tl_keras.prune`."""

    epochs: Annotated[int, FIRST, Bounds(minimum=0)] = 8
    """Epochs at the full sparsity."""
    lr: Annotated[float, FIRST, Bounds(above=0)] = 3e-4
    """Highest learning rate."""
    prune_epochs: Annotated[int, FIRST, Bounds(minimum=0)] = 4
    """Epochs in which the sparsity rises, at the full learning rate; 0 prunes at once."""
    scope: Annotated[Literal["global", "layer"], FIRST] = "global"
    """Kernels within which magnitudes are compared.

    "global": the smallest weights of all kernels together, so that layers with more than they
    need give more. "layer": the same share of each."""
    also: Annotated[tuple[Literal["depthwise", "last"], ...], FIRST] = ()
    """Kernels that are spared unless named, separated by commas."""


@dataclasses.dataclass(frozen=True)
class WithoutLabelsSettings(OptimizerSettings):
    """Settings of `tl_keras.fit_without_labels`; None where the model decides."""

    epochs: Annotated[int, FIRST, Bounds(minimum=0)] = 20
    """Passes over the images."""
    lr: Annotated[float | None, FIRST, Bounds(above=0)] = None
    """Highest learning rate; default: the model's own, 1e-3 unless `recipe` says otherwise."""
    weight_decay: Annotated[float | None, REGULARISATION, Bounds(minimum=0)] = None
    """Decoupled weight decay, on kernels; default: the model's own, 0 but for two views."""
    augment: Annotated[Augment | None, DATA] = None
    """Augmentation; default: none, or auto for two views."""
    epsilon: Annotated[float | None, FINE_TUNING, Bounds(above=0)] = None
    """Epsilon of Adam; default: Keras's 1e-7."""


def check_effect(settings, idle):
    """Refuses options that were given and have no effect.

    Args:
        settings: any dataclass.
        idle: {(option, value): options that have no effect beside it}.
    """
    for (name, value), options in idle.items():
        for option in options if getattr(settings, name) == value else ():
            if getattr(settings, option) is not None:
                raise InputError(
                    f"Expected no {option} where it has no effect, with {name}={value!r}; received "
                    f"{option}={getattr(settings, option)!r}. Leave it out or change {name}."
                )
