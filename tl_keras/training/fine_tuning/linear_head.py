"""Linear start of a classifier: a logistic regression on frozen features, put into its head."""

import dataclasses

import keras
import numpy as np

from tl_keras.checks import InputError
from tl_keras.data.pipelines.augmentation_presets import mirrors
from tl_keras.models.cutting import cut_at_frozen
from tl_keras.settings.fine_tune import FineTuneSettings
from tl_keras.training.distribution.several_machines import from_chief
from tl_keras.training.fine_tuning.inputs import with_val
from tl_keras.training.fine_tuning.linear_start import LinearStart, fit_linear_start, last_dense
from tl_keras.training.fine_tuning.trainable_part import TrainablePart
from tl_keras.training.frozen.freezing import freeze, restoring_trainable


@dataclasses.dataclass(frozen=True, eq=False)
class Starts:
    """Logistic regressions on frozen features.

    Attributes:
        train: that of the training images.
        both: that of training and validation images together; None without refit.
        val: float32 (views, n, num_classes), probabilities of `train` for the validation images;
            None without refit.
        fitted: {"accuracy", "loss"} of the last of them on the training images as they are, from
            their features.
    """

    train: LinearStart
    both: LinearStart | None = None
    val: np.ndarray | None = None
    fitted: dict[str, float] | None = None


def takes_linear_start(model: keras.Model) -> bool:
    """Returns whether a classifier is one Dense layer with a bias on its backbone's features."""
    last = last_dense(model)
    if last is None:
        return False
    with restoring_trainable(model):
        freeze(model)
        alone = len(model.trainable_weights) == len(last.trainable_weights)
        cut = cut_at_frozen(model) if alone else None
    outputs = cut.prefix.outputs if cut and cut.prefix else ()
    return len(outputs) == 1 and len(outputs[0].shape) == 2


def suited_to_head(model: keras.Model) -> dict:
    """Returns the settings of `fine_tune` that the layers of a classifier decide."""
    return {} if takes_linear_start(model) else {"linear_start": False}


def check_linear_start(model: keras.Model) -> None:
    """Refuses a classifier that can have no linear start."""
    if not takes_linear_start(model):
        raise InputError(
            "Expected a classifier with head='linear' on a backbone for linear_start=True; "
            f"received {model.name!r}, which has other layers to train. Leave linear_start out."
        )


def set_linear_start(
    model: keras.Model, part: TrainablePart, settings: FineTuneSettings, batch_size: int
) -> Starts:
    """Fits a logistic regression on the frozen features and puts it into the head.

    Args:
        part: the whole of it, on images.
        settings: `augment`, `refit`, `seed` and `class_weights` count.
        batch_size: images per step while the backbone runs.

    Returns:
        `Starts`; that of the training images is in the head.
    """
    freeze(model)
    cut = cut_at_frozen(model)
    mirrored = mirrors(settings.augment, part.train.dataset)
    images = dataclasses.replace(part.train, augment="none", mirrored=mirrored)
    views = images.distinct_views
    images = with_val(images, part.val) if settings.refit else images
    [features] = part.compute(cut.prefix, images, views=views, batch_size=batch_size).arrays
    count, groups = len(part.train.labels), images.dataset.groups

    def fit(number):
        start = fit_linear_start(
            features[:, :number],
            images.labels[:number],
            model.output_shape[-1],
            seed=settings.seed,
            class_weights=settings.class_weights,
            groups=None if groups is None else groups[:number],
        )
        names = ("kernel", "bias", "probabilities")  # rounded as on the chief
        arrays = from_chief([getattr(start, name) for name in names])
        strength = from_chief(start.strength)
        arrays = dict(zip(names, arrays, strict=True))
        return dataclasses.replace(start, **arrays, strength=strength)

    starts = Starts(fit(count))
    if settings.refit:
        val = starts.train.predict(features[:, count:])
        starts = Starts(starts.train, fit(len(images.labels)), val)
    put_into_head(starts.train, model)
    fitted = (starts.both or starts.train).figures_on(features[0, :count], part.train.labels)
    return dataclasses.replace(starts, fitted=fitted)


def put_into_head(start: LinearStart, model: keras.Model) -> None:
    """Sets the weights of the last layer to those of a logistic regression."""
    last_dense(model).set_weights([start.kernel, start.bias])
