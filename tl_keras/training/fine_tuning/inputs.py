"""Data to train on, checked, and the settings that they decide."""

import dataclasses
import math
from typing import TypeAlias

import keras
import numpy as np
import tensorflow as tf

from tl_keras.checks import InputError, listed
from tl_keras.data.conversion import as_image_dataset
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.grouping.groups import groups_together
from tl_keras.data.pipelines.augmentation import resolve_augment
from tl_keras.data.pipelines.augmentation_presets import mirrors
from tl_keras.data.splits import joined
from tl_keras.progress import say
from tl_keras.settings.fine_tune import FineTuneSettings
from tl_keras.training.frozen.feature_cache import Images

SMALLEST_BATCH, STEPS = 8, 8  # for a default batch size
MIXING_STEPS = 500
CUTMIX = 0.5
SIDE_OF_FILES = 64  # pixels
# `ImageDataset`, a pair (x, y) of images 0-255 and class numbers, or a batched `tf.data.Dataset`.
LabelledData: TypeAlias = ImageDataset | tuple | tf.data.Dataset


def default_batch_size(num_images: int, most: int = 32) -> int:
    """Returns `most`, or less if there were fewer than eight steps per epoch; at least 8.

    Within the scope of a strategy it is the next number that the replicas share evenly.
    """
    size = min(most, max(SMALLEST_BATCH, num_images // STEPS))
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    return math.ceil(size / replicas) * replicas


def labelled(data: LabelledData, num_classes: int | None, *, split: str) -> ImageDataset:
    """Returns `data` as a labelled `ImageDataset` with labels below `num_classes`.

    Args:
        data: see `as_image_dataset`.
        num_classes: outputs of the model; None if it is not built yet.
        split: its split name if it has none.

    Raises:
        InputError: there are no images or no labels, or a label is too high.
    """
    data = as_image_dataset(data, split=split)
    if data.labels is None:
        raise InputError(f"Expected labelled images; received {data.source} without labels.")
    if not len(data):
        raise InputError(f"Expected images; received an empty {data.split} set.")
    if num_classes is not None and int(data.labels.max()) >= num_classes:
        raise InputError(
            f"Expected labels below {num_classes}, the classes of the model; received "
            f"{int(data.labels.max())} in the {data.split} set of {data.source}."
        )
    if num_classes is not None:
        tell_rare(data, num_classes, split)
    return data


def suited_to_data(settings: FineTuneSettings, dataset: ImageDataset) -> FineTuneSettings:
    """Returns `FineTuneSettings` with mixing decided by the images, where they decide it.

    From a linear start `FineTuneSettings.fine_tunings` has what their number decides.
    """
    return settings if settings.linear_start else with_mixup(settings, dataset)


def tell_rare(data: ImageDataset, num_classes: int, split: str) -> None:
    """Says which classes have no image, and which of a training set one alone.

    Args:
        split: "train" and "source" are learned from, all others are measured on.
    """
    counts = np.bincount(data.labels[data.labels >= 0], minlength=num_classes)
    names = [*data.class_names, *map(str, range(data.num_classes, num_classes))]
    where = {"train": "training", "val": "validation"}.get(split, split)
    absent = "It cannot be learned" if split in ("train", "source") else "Nothing measures it"
    for number, words, means in (
        (0, "no", absent),
        (1, "a single", "A cross-validation never holds it out"),
    ):
        few = [names[c] for c in np.flatnonzero(counts == number)]
        if few and len(few) < num_classes and (number == 0 or split == "train"):
            say(f"RARE CLASS: {words} {where} image of {listed(few)}. {means}.")


def with_mixup(settings: FineTuneSettings, dataset: ImageDataset) -> FineTuneSettings:
    """Returns settings whose `mixup` is a number; where it is None, the images decide it.

    It is 1 where the augmentation mirrors, as it does photographs, and a phase has at least
    `MIXING_STEPS`, else 0. On validation mixing was ahead on 600 photographs of cat breeds (760
    steps), and behind on 100 of CIFAR-10 (320 steps) and on digits: mixed images are learned later.
    Where there is mixing, `cutmix` is a number too.
    """
    mixup, cutmix = settings.mixup, settings.cutmix
    if mixup is None:
        mixup = float(_mixes(settings, dataset))
    if mixup and cutmix is None:
        cutmix = CUTMIX
    return dataclasses.replace(settings, mixup=mixup, cutmix=cutmix)


def _mixes(settings, dataset):
    batch_size = settings.batch_size or default_batch_size(len(dataset))
    tuned = settings.epochs if settings.unfreeze != "none" else 0
    steps = max(tuned, settings.freeze_epochs) * math.ceil(len(dataset) / batch_size)
    return steps >= MIXING_STEPS and mirrors(settings.augment, dataset)


def random_part(dataset: ImageDataset, size: int, seed: int) -> ImageDataset:
    """Returns `dataset` or, if it is larger, `size` of its images, the same for the same seed."""
    rows = np.random.default_rng([seed, 2]).permutation(len(dataset))[:size]
    return dataset.subset(np.sort(rows))


def common_size(dataset: ImageDataset, image_size: int | None = None) -> tuple[int, int]:
    """Returns the (height, width) of all images: the one asked for, or their own.

    Files have no common size of their own and get 64 x 64.

    Args:
        image_size: side in pixels, or None.
    """
    if image_size is not None:
        return image_size, image_size
    if dataset.is_files:
        return SIDE_OF_FILES, SIDE_OF_FILES
    return dataset.images.shape[1:3]


def with_val(train: Images, val: Images) -> Images:
    """Returns the images of both, training images first.

    Both kinds are decoded to the size of the model where they differ. Groups stay together, see
    `groups_together`.
    """
    parts = [train.dataset, val.dataset]
    if _kind(parts[0]) == _kind(parts[1]):
        return dataclasses.replace(train, dataset=joined(parts))
    images = np.concatenate([part.decoded(train.image_size) for part in parts])
    labels = np.concatenate([part.labels for part in parts])
    groups = groups_together(parts)
    both = dataclasses.replace(parts[0], images=images, labels=labels, rows=None, groups=groups)
    return dataclasses.replace(train, dataset=both)


def new_rows(train: ImageDataset, val: ImageDataset) -> np.ndarray:
    """Returns the rows of validation images that lie in no group of a training image.

    The others, such as copies of training images, were learned by heart. They would choose the
    network that learned most by heart, and a temperature that is too low. If there are no others,
    all rows are returned.
    """
    groups, rows = groups_together([train, val]), np.arange(len(val))
    if groups is None:
        return rows
    new = np.flatnonzero(~np.isin(groups[len(train) :], groups[: len(train)]))
    return new if len(new) else rows


def tell_known(train: ImageDataset, val: ImageDataset, choice: str) -> None:
    """Says how many validation images take no part in a choice, see `new_rows`."""
    known = len(val) - len(new_rows(train, val))
    if known:
        say(
            f"{known} of {len(val)} validation images lie in groups of training images, such as "
            f"copies. They take no part in the choice of {choice}."
        )


def _kind(dataset):
    return "files" if dataset.is_files else dataset.images.shape[1:]


def images_of(
    dataset: ImageDataset, model: keras.Model, settings: FineTuneSettings, *, training: bool
) -> Images:
    """Returns a dataset in the size of `model`, augmented for training."""
    augment = resolve_augment(settings.augment, dataset) if training else "none"
    store = settings.cache if settings.cache == "disk" else "auto"
    return Images(dataset, tuple(model.input_shape[1:3]), augment, settings.seed, store)
