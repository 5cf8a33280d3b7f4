"""Estimates time and memory of a training from a linear start from a few measured images."""

import dataclasses
import math
import time

import keras
import numpy as np
import tensorflow as tf

from tl_keras.data.array_store import room_left
from tl_keras.data.dataset import Splits
from tl_keras.data.pipelines.augmentation_presets import mirrors
from tl_keras.models.cutting import cut_at_frozen, unpacked
from tl_keras.models.inference import traced
from tl_keras.settings.fine_tune import FineTuneSettings
from tl_keras.training.fine_tuning.from_linear import POINTS
from tl_keras.training.fine_tuning.inputs import default_batch_size
from tl_keras.training.fine_tuning.linear_start import MANY
from tl_keras.training.fine_tuning.phases import MEASURED
from tl_keras.training.frozen.cache_room import fitting_cache
from tl_keras.training.frozen.feature_cache import Images
from tl_keras.training.frozen.freezing import apply_unfreeze, freeze
from tl_keras.training.step_memory import image_cost, resident_memory

IMAGES = 16  # that are measured
STEP = 32  # images at most of the training step that is measured
_FLOAT = 4  # bytes
# Measured with MobileNetV2 on 597 and 796 images of 224 pixels, two CPUs:
STARTING = 4.0  # seconds to trace what a stage runs
BACKWARD = 2.0  # times the forward pass, where no step is measured
UPDATE = 2.4e-8  # seconds of a step for each weight that trains, whatever the number of images
FIT = 7e-8  # seconds of the logistic regression for each image, view, class and feature


@dataclasses.dataclass(frozen=True)
class Speed:
    """Seconds for one image, and the room that it takes.

    Attributes:
        loading: seconds to read and decode it.
        changing: seconds to augment it.
        frozen: seconds of the part that fine-tuning leaves frozen.
        trained: seconds of the part above that.
        step: seconds of that part forward and backward, in a batch as in training.
        features: numbers that the frozen part computes; 0 without one.
        update: seconds of a step beside its images.
    """

    loading: float
    changing: float
    frozen: float
    trained: float
    step: float = 0.0
    features: int = 0
    update: float = 0.0

    @property
    def whole(self) -> float:
        return self.frozen + self.trained

    @property
    def of_all_layers(self) -> "Speed":
        """The `Speed` with nothing frozen."""
        step = self.step + (1 + BACKWARD) * self.frozen
        return dataclasses.replace(self, frozen=0.0, trained=self.whole, step=step, features=0)


def measure_speed(model: keras.Model, images: Images, settings: FineTuneSettings) -> Speed:
    """Measures the `Speed` of a classifier on some of its training images.

    Args:
        model: classifier, which is frozen as `settings` say afterwards.
    """
    some = dataclasses.replace(images, dataset=images.dataset.subset(_few(len(images.labels))))
    count, rows = len(some.labels), np.arange(len(some.labels))
    started = time.perf_counter()
    load = some.loader()
    loading = (time.perf_counter() - started) / count
    tensors = load(0, rows)
    changing = _shortest(lambda: load(1, rows)) / count
    freeze(model)
    backbone, parallel = cut_at_frozen(model).prefix, _in_parallel(model)
    whole = _timed(backbone, tensors)[1] / count / parallel
    if not settings.fine_tunings(len(images.labels)):
        return Speed(loading, changing, whole, 0.0, features=_numbers(backbone))
    apply_unfreeze(model, settings.unfreeze, settings.batch_norm)
    update = UPDATE * sum(math.prod(weight.shape) for weight in model.trainable_weights)
    cut = cut_at_frozen(model)
    batch_size = settings.batch_size or default_batch_size(len(images.labels))
    size = min(math.ceil(batch_size / parallel), STEP)
    if cut.prefix is None:
        step = _step_seconds(cut.suffix, tensors, size) / parallel
        return Speed(loading, changing, 0.0, whole, step, update=update)
    crossing, seconds = _timed(cut.prefix, tensors)
    frozen = min(whole, seconds / count / parallel)
    step = _step_seconds(cut.suffix, crossing, size) / parallel
    return Speed(loading, changing, frozen, whole - frozen, step, _numbers(cut.prefix), update)


def _in_parallel(model):
    """Number of replicas with a processor of their own: logical CPUs share one."""
    strategy = model.distribute_strategy
    if strategy.num_replicas_in_sync == 1:
        return 1
    devices = strategy.extended.worker_devices
    shared = 1 if any("GPU" in device for device in devices) else len(devices)
    return max(1, strategy.num_replicas_in_sync // shared)


def _numbers(model):
    return sum(math.prod(output.shape[1:]) for output in model.outputs)


def _few(size):
    return np.unique(np.linspace(0, size - 1, min(IMAGES, size)).astype(int))


def _timed(model, tensors):
    """(outputs of a model, seconds for them)"""
    run = traced(lambda *i: model(unpacked(i), training=False), [i.shape[1:] for i in model.inputs])
    outputs = run(*tensors)  # warms up
    outputs = [tf.cast(output, tf.float32) for output in keras.tree.flatten(outputs)]
    return outputs, _shortest(lambda: run(*tensors))


def _step_seconds(model, tensors, size):
    """Seconds for one image, forward and backward, in a batch of so many."""
    # On several replicas those of the first.
    local = model.distribute_strategy.experimental_local_results
    weights = [local(variable.value)[0] for variable in model.trainable_variables]

    def gradients(*inputs):
        with tf.GradientTape() as tape:
            # Not as in training, where batch normalisation would change the model.
            outputs = keras.ops.sum(model(unpacked(inputs), training=False)[:, 0])
        found = tape.gradient(outputs, weights)
        return [keras.ops.sum(each) for each in found if each is not None]

    run = traced(gradients, [tensor.shape[1:] for tensor in model.inputs])
    rows = np.resize(np.arange(len(tensors[0])), size)
    batch = [tf.gather(tensor, rows) for tensor in tensors]
    run(*batch)  # warms up
    return _shortest(lambda: run(*batch)) / size


def _shortest(run):
    """Seconds of the shorter of two calls, until their results are in memory."""
    times = []
    for _ in range(2):
        started = time.perf_counter()
        tf.nest.map_structure(np.asarray, run())
        times.append(time.perf_counter() - started)
    return min(times)


def stages(
    speed: Speed, settings: FineTuneSettings, splits: Splits, features: int
) -> dict[str, float]:
    """Estimates the seconds of each stage of a training from a linear start.

    Args:
        features: numbers that the backbone computes for each image.

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
    cached = _cached_views(speed, settings, tries, both, views * val)
    if cached:
        result["frozen part"] = STARTING + speed.frozen * views * val
        result["frozen part"] += (speed.changing + speed.frozen) * cached * both
    # A pass over the validation images, whose features may be cached.
    passed = val * (speed.trained + (0 if cached else speed.frozen))
    for number, tried in enumerate(tries, 1):
        name = f"fine-tuning {number} of {len(tries)}" if len(tries) > 1 else "fine-tuning"
        passes = min(MEASURED, tried.epochs) + views * (len(POINTS) + (number == 1))
        result[name] = _fine_tuning(speed, tried, train, cached) + passes * passed
    # Any of several may be chosen; the longest is counted.
    again = tries if settings.average else sorted(tries, key=lambda tried: tried.epochs)[-1:]
    for number, tried in enumerate(again if settings.refit else (), 1):
        name = f"last fit {number} of {len(again)}" if len(again) > 1 else "last fit"
        result[name] = _fine_tuning(speed, tried, both, cached)
    result["test"] = _measuring(
        speed, tries, settings.average, views, test + (0 if settings.refit else val)
    )
    if tries and not settings.refit:  # for the temperature of the start alone
        result["test"] += val * (speed.loading + views * speed.whole)
    return result


def start_bytes(settings: FineTuneSettings, splits: Splits, features: int) -> int:
    """Returns the bytes of the features that the linear start is fitted to, of all their views.

    Args:
        features: numbers that the backbone computes for each image.
    """
    views = 2 if mirrors(settings.augment, splits.train) else 1
    return _FLOAT * views * features * sum(map(len, splits[: 2 if settings.refit else 1]))


def _measuring(speed, tries, average, views, test):
    """Seconds of the predictions of the trained model, and of its start where that is another."""
    if average:  # its networks share the frozen part, and the start is one of them
        return STARTING + test * (
            speed.loading + views * (speed.frozen + (1 + len(tries)) * speed.trained)
        )
    models = 2 if tries else 1
    return STARTING + test * (speed.loading + models * views * speed.whole)


def _cached_views(speed, settings, tries, train, val):
    """Number of views of each training image whose features are kept; 0 without a cache."""
    if settings.cache == "none" or not speed.features or not tries:
        return 0
    wanted = max(map(_views, tries))
    return fitting_cache(speed.features, train, val, wanted, settings).views


def _views(settings):
    return min(settings.views or 1, settings.epochs)


def _fine_tuning(speed, settings, images, cached):
    """Seconds of one; without a cache the frozen part runs in each epoch."""
    uncached = 0.0 if cached else speed.changing + speed.frozen
    once = uncached + speed.step
    steps = math.ceil(images / (settings.batch_size or default_batch_size(images)))
    return STARTING + settings.epochs * (images * once + steps * speed.update)


def memory(
    speed: Speed, settings: FineTuneSettings, splits: Splits, model: keras.Model, batch_size: int
) -> int | None:
    """Estimates the bytes of memory that a training from a linear start takes at its peak.

    They are those of the process as it is, of the images and features that are kept in memory, of
    the networks of an average, and of a step.

    Args:
        model: classifier, frozen as it will be trained.
        batch_size: images per step.

    Returns:
        int, or None where the system does not tell what the process takes.
    """
    taken = resident_memory()
    if taken is None:
        return None
    train, val, test = splits[:3]
    numbers = math.prod(model.input_shape[1:])
    images = [part for part in (train, val, test) if part.has_paths and part.files is None]
    size = numbers * sum(map(len, images))
    tries = settings.fine_tunings(len(train))
    if settings.cache != "none":
        mirrored = 2 if mirrors(settings.augment, train) else 1
        views = max([mirrored, *map(_views, tries)])
        rows = views * (len(train) + (len(val) if settings.refit else 0)) + mirrored * len(val)
        size += _FLOAT * rows * speed.features
    networks = 0
    if settings.average and tries:  # a copy of the classifier, and each network three times
        trained = _FLOAT * sum(math.prod(weight.shape) for weight in model.trainable_weights)
        networks = _FLOAT * model.count_params() + 3 * (1 + len(tries)) * trained
    cost = image_cost(model)
    step = batch_size * (cost.training if tries else cost.passing)
    return int(taken + min(size, room_left()["memory"]) + networks + step)
