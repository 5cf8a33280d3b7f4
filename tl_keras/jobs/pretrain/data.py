"""Images of a pretraining: every split as an array of one size."""

import dataclasses

import numpy as np

from tl_keras.checks import InputError
from tl_keras.data.dataset import ImageDataset, Splits
from tl_keras.data.grouping.groups import DUPLICATES
from tl_keras.data.loading import load_dataset
from tl_keras.data.pipelines.augmentation import luminance
from tl_keras.data.sounds.sound_images import Sounds
from tl_keras.data.sources.omniglot import (
    is_omniglot,
    load_omniglot,
    oriented_classes,
    split_alphabets,
)
from tl_keras.evaluation.encoders.distances import row_blocks
from tl_keras.jobs.pretrain.encoders import pretraining_image_size
from tl_keras.settings.methods import EPISODES


@dataclasses.dataclass(frozen=True)
class PretrainData:
    """Images in one size.

    Attributes:
        splits: `Splits` as they were loaded.
        train, val, test: `ImageDataset`s of uint8 (n, h, w, c); c is 1 if all images are grey.
        drawn: training images in the form from which episodes are drawn; None for `train`.
    """

    splits: Splits
    train: ImageDataset
    val: ImageDataset
    test: ImageDataset
    drawn: ImageDataset | None = None

    @property
    def image_shape(self):
        """(h, w, c)."""
        return self.train.images.shape[1:]

    @property
    def num_classes(self):
        """Number of classes; 0 without labels."""
        return self.train.num_classes


def load_pretrain_data(config):
    """Loads and decodes the data that `config` names; labels may be missing.

    Args:
        config: `PretrainSettings`.

    Raises:
        InputError: the data cannot be used.
    """
    sounds = Sounds.asked(config)
    if config.row.family is EPISODES and sounds is None and is_omniglot(config.data):
        return _omniglot(config)
    splits = load_dataset(
        config.data,
        seed=config.seed,
        split_fractions=config.split,
        on_bad_image=config.on_bad_image,
        on_duplicate=config.on_duplicate,
        require_labels=bool(config.conditional) or config.row.needs_labels,
        sounds=sounds,
        fixes=config.fixes,
        group_by=config.group_by or DUPLICATES,
    )
    return in_one_form(splits, pretraining_image_size(config, splits.train))


def _omniglot(config):
    """Returns characters whose alphabets are apart, and those that are drawn in eight orientations.

    What is drawn has pixels twice as fine, from which it is deformed.
    """
    if config.on_duplicate != "report":
        raise InputError(
            "Expected on_duplicate='report' for characters, whose alphabets are kept apart and "
            f"whose copies are loaded once; received {config.on_duplicate!r}. Leave it out."
        )
    whole = load_omniglot(config.data, on_bad_image=config.on_bad_image)
    side = pretraining_image_size(config, whole.images)[0]
    parts = split_alphabets(whole, config.split, config.seed)
    splits = Splits(*(part.images for part in parts))
    train, val, test = (in_one_size(part, (side, side), 1) for part in splits[:3])
    drawn = oriented_classes(in_one_size(splits.train, (2 * side, 2 * side), 1))
    return PretrainData(splits, train, val, test, drawn)


def in_one_form(splits, image_size):
    """Returns `Splits` as `PretrainData` of `image_size`, (height, width)."""
    channels = 1 if all(part.is_grayscale for part in splits[:3]) else 3
    return PretrainData(splits, *(in_one_size(part, image_size, channels) for part in splits[:3]))


def in_one_size(dataset, image_size, channels):
    """Returns the images of `dataset` as an array of `image_size` and 1 or 3 channels.

    Args:
        dataset: `ImageDataset`; it is decoded here.
        image_size: (height, width).
        channels: 3, or 1 for the brightness.

    Returns:
        ImageDataset of uint8 (n, height, width, channels), with the labels of `dataset`.
    """
    images = dataset.decoded(image_size)
    if channels == 1:
        images = images[..., :1] if dataset.is_grayscale else _brightness(images)
    labels, names = dataset.labels, dataset.class_names
    return ImageDataset(images, labels, names, dataset.split, dataset.source, sounds=dataset.sounds)


def _brightness(images):
    gray = np.empty((*images.shape[:3], 1), np.uint8)
    for rows in row_blocks(len(images)):
        gray[rows] = np.round(luminance(images[rows].astype(np.float32)))
    return gray
