"""Range test of the learning rate: it rises from step to step until the loss explodes."""

import dataclasses
import math

import keras
import numpy as np
import tensorflow as tf
from keras.optimizers.schedules import LearningRateSchedule

from tl_keras.checks import InputError
from tl_keras.data.inspection.first_batch import input_errors
from tl_keras.models.averaged_classifier import check_single
from tl_keras.models.backbones.backbone import get_backbone
from tl_keras.settings.fine_tune import FineTuneSettings, StepSettings
from tl_keras.settings.options.signatures import shows_settings
from tl_keras.settings.train import RangeSettings
from tl_keras.training.class_weights import BALANCED, weigh_batches
from tl_keras.training.fine_tuning.inputs import (
    LabelledData,
    default_batch_size,
    images_of,
    labelled,
    random_part,
    with_mixup,
)
from tl_keras.training.fine_tuning.phases import compile_part, endless_batches
from tl_keras.training.fine_tuning.trainable_part import TrainablePart
from tl_keras.training.frozen.freezing import apply_unfreeze, restoring_trainable

_SMOOTHING = 0.9
_EXPLODED = 4  # times the lowest smoothed loss
_BELOW_LOWEST = 10


@dataclasses.dataclass(frozen=True)
class RangeTest:
    """The loss at rising learning rates.

    Attributes:
        rates: float (n,), rising by the same factor from step to step.
        losses: float (n,), of the batch of each step, before the step is taken.
    """

    rates: np.ndarray
    losses: np.ndarray

    @property
    def smoothed(self) -> np.ndarray:
        """The exponential moving mean of the losses, with its bias at the start removed."""
        means, mean = [], 0.0
        for count, loss in enumerate(self.losses, start=1):
            mean = _SMOOTHING * mean + (1 - _SMOOTHING) * loss
            means.append(mean / (1 - _SMOOTHING**count))
        return np.array(means)

    @property
    def suggestion(self) -> float | None:
        """A tenth of the rate at which the smoothed loss is lowest; None if it never fell.

        The first tenth of the steps is left out, where the mean is of a few batches only. At the
        lowest point the rate is about to be too high, and the mean lags behind; a tenth is
        where the loss falls steadily. If the lowest point is the last, a higher `highest` may
        find a higher rate.
        """
        first = len(self.losses) // 10
        lowest = first + int(self.smoothed[first:].argmin())
        return float(self.rates[lowest] / _BELOW_LOWEST) if lowest > first else None


@shows_settings(RangeSettings, StepSettings)
def lr_find(model: keras.Model, train: LabelledData, **settings: object) -> RangeTest:
    """Tests which learning rates `fine_tune` can use on `model`, and suggests one.

    Trains for a few steps while the rate rises geometrically, and stops where the loss explodes.
    It trains the same part as `fine_tune`, on the same cached features and with the same factors by
    depth: the rates are those of the head, as `lr` is. The model is left exactly as it was.

    Example:
        fine_tune(model, train, val, lr=lr_find(model, train).suggestion)

    Args:
        train: labelled images, in any form that `fine_tune` takes.
        **settings: see `RangeSettings` and, for those of `fine_tune` that have an effect,
            `StepSettings`. unfreeze="none" tests the head alone.

    Returns:
        `RangeTest` with `rates`, `losses`, `smoothed` and `suggestion`; `plot_lr_find` draws it.

    Raises:
        InputError: a setting or the data cannot be used, or the first loss is no number.

    Reference:
        Smith 2017, arXiv 1506.01186. The geometric rise and the rule are not the paper's.
    """
    names = {field.name for field in dataclasses.fields(RangeSettings)}
    rates = RangeSettings(**{name: settings.pop(name) for name in names & settings.keys()})
    settings = FineTuneSettings(**settings, linear_start=False).filled()
    lowest, highest, steps = rates.lowest, rates.highest, rates.steps
    check_single(model)
    get_backbone(model)
    train = labelled(train, model.output_shape[-1], split="train")
    settings = with_mixup(settings, train)
    values = [(variable, variable.numpy()) for variable in model.variables]
    try:
        with restoring_trainable(model):
            part, batches = _trainable_part(model, train, settings, steps)
            compile_part(part.model, model, settings, rising_rate(lowest, highest, steps))
            losses = sweep(part.model, batches, steps)
    finally:
        for variable, value in values:
            variable.assign(value)
    if not losses:
        raise InputError(
            f"Expected a finite loss at the rate {lowest:g}; received none. Give a smaller lowest."
        )
    growth = (highest / lowest) ** (1 / (steps - 1))
    return RangeTest(lowest * growth ** np.arange(len(losses)), np.array(losses))


def rising_rate(lowest: float, highest: float, steps: int) -> LearningRateSchedule:
    """Returns a schedule from `lowest` at the first to `highest` at the last of `steps` steps."""
    return keras.optimizers.schedules.ExponentialDecay(lowest, steps - 1, highest / lowest)


@input_errors()
def sweep(model: keras.Model, batches: tf.data.Dataset, steps: int) -> list[float]:
    """Trains a compiled model for at most `steps` steps and returns the loss of each.

    It ends before the first loss that is not finite, and with the first whose smoothed value is
    four times the lowest.
    """
    watch = _BatchLosses()
    model.fit(batches, steps_per_epoch=steps, shuffle=False, callbacks=[watch], verbose=0)
    return watch.losses


def _trainable_part(model, train, settings, steps):
    """Returns the part of `model` that is tested, and its batches without end."""
    apply_unfreeze(model, settings.unfreeze, settings.batch_norm)
    batch_size = settings.batch_size or default_batch_size(len(train))
    train = random_part(train, steps * batch_size, settings.seed)  # no more are seen
    part = TrainablePart(model, images_of(train, model, settings, training=True))
    epochs = math.ceil(steps * batch_size / len(train))
    part = part.above_frozen(settings, epochs=epochs, batch_size=batch_size)
    num_classes = model.output_shape[-1]
    batches, _ = endless_batches(part, num_classes, batch_size, settings)
    if settings.class_weights == BALANCED:
        batches = weigh_batches(batches, part.train.labels, num_classes)
    return part, batches


class _BatchLosses(keras.callbacks.Callback):
    """Notes the loss of each batch alone and stops where it explodes."""

    def __init__(self):
        super().__init__()
        self.losses = []

    def on_train_batch_begin(self, batch, logs=None):
        self.model.reset_metrics()  # the loss that Keras reports is the mean since then

    def on_train_batch_end(self, batch, logs=None):
        if math.isfinite(logs["loss"]):
            self.losses.append(logs["loss"])
            smoothed = RangeTest(np.empty(0), np.array(self.losses)).smoothed
            self.model.stop_training = smoothed[-1] > _EXPLODED * smoothed.min()
        else:
            self.model.stop_training = True
