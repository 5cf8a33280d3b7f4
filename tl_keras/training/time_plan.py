"""Estimates the time of a training from a linear start from a few measured images."""

import dataclasses
import time

import numpy as np

from tl_keras.data.augmentation_presets import mirrors
from tl_keras.models.inference import traced
from tl_keras.training.cutting import cut_at_frozen, unpacked
from tl_keras.training.freezing import apply_unfreeze, freeze
from tl_keras.training.linear_start import MANY

IMAGES = 16  # that are measured
# Measured with MobileNetV2 on 597 and 796 images of 224 pixels, two CPUs:
STARTING = 4.0  # seconds to trace what a stage runs
BACKWARD = 3.0  # times the forward pass of what trains, and the update of its weights
FIT = 7e-8  # seconds of the logistic regression for each image, view, class and feature


@dataclasses.dataclass(frozen=True)
class Speed:
    """Seconds for one image.

    Attributes:
        loading: to read and to decode it.
        changing: to augment it.
        frozen: to run what fine-tuning leaves frozen.
        trained: to run what is above that.
    """

    loading: float
    changing: float
    frozen: float
    trained: float

    @property
    def whole(self):
        return self.frozen + self.trained


def measure_speed(model, images, settings):
    """Measures the `Speed` of a classifier on some of its training images.

    Args:
        model: classifier; what is frozen of it afterwards is what `settings` say.
        images: `Pictures`.
        settings: `FineTuneSettings`.
    """
    some = dataclasses.replace(images, dataset=images.dataset.subset(_few(len(images.labels))))
    count, rows = len(some.labels), np.arange(len(some.labels))
    started = time.perf_counter()
    load = some.loader()
    loading = (time.perf_counter() - started) / count
    tensors = load(0, rows)
    changing = _shortest(lambda: load(1, rows)) / count
    freeze(model)
    whole = _seconds(cut_at_frozen(model).prefix, tensors) / count
    if not settings.fine_tunings(len(images.labels)):
        return Speed(loading, changing, whole, 0.0)
    apply_unfreeze(model, settings.unfreeze, settings.batch_norm)
    below = cut_at_frozen(model).prefix
    frozen = 0.0 if below is None else min(whole, _seconds(below, tensors) / count)
    return Speed(loading, changing, frozen, whole - frozen)


def _few(size):
    return np.unique(np.linspace(0, size - 1, min(IMAGES, size)).astype(int))


def _seconds(model, tensors):
    run = traced(lambda *i: model(unpacked(i), training=False), [i.shape[1:] for i in model.inputs])
    run(*tensors)  # warms up
    return _shortest(lambda: run(*tensors))


def _shortest(run):
    """Seconds of the shorter of two calls."""
    times = []
    for _ in range(2):
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    return min(times)


def stages(speed, settings, splits, features):
    """Estimates the seconds of each stage of a training from a linear start.

    Args:
        speed: `Speed`.
        settings: `FineTuneSettings`.
        splits: `Splits`.
        features: numbers for each image that the backbone gives.

    Returns:
        {name of the stage: seconds}, in order.
    """
    train, val, test = (len(part) for part in splits[:3])
    both = train + val if settings.refit else train
    views = 2 if mirrors(settings.augment, splits.train) else 1
    fitted = sum(min(size, MANY) for size in ((train, both) if settings.refit else (train,)))
    result = {
        "linear start": STARTING
        + speed.loading * (train + val)
        + speed.whole * views * both
        + FIT * views * features * splits.train.num_classes * fitted
    }
    tries = settings.fine_tunings(train)
    for number, tried in enumerate(tries):
        once = 0 if number else speed.frozen * views * val
        name = f"fine-tuning {number + 1} of {len(tries)}" if len(tries) > 1 else "fine-tuning"
        result[name] = once + _fine_tuning(speed, tried, train, number == 0)
    if settings.refit and tries:
        result["last fit"] = speed.loading * both + _fine_tuning(speed, tries[0], both, True)
    # Predictions of the trained model, and of its start where that is another.
    models = 2 if tries else 1
    result["test"] = STARTING + test * (speed.loading + models * views * speed.whole)
    return result


def _fine_tuning(speed, settings, images, frozen):
    """Seconds of one, with the frozen part if it runs for it; without a cache in each epoch."""
    views = min(settings.views or 1, settings.epochs) if frozen else 0
    views = settings.epochs if settings.cache == "none" else views
    frozen = (speed.changing + speed.frozen) * views * images
    return STARTING + frozen + settings.epochs * images * speed.trained * (1 + BACKWARD)
