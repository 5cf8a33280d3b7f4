"""Selection of some classes of a dataset."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tl_keras.checks import InputError
from tl_keras.data.dataset import ImageDataset, Splits
from tl_keras.data.images import printable


def keep_classes(dataset: ImageDataset, class_names: Sequence[str]) -> ImageDataset:
    """Returns the images of some classes, labelled 0, 1, ... in the order of `class_names`.

    Args:
        dataset: labelled `ImageDataset`.
        class_names: names of the classes to keep.

    Raises:
        InputError: the dataset lacks one of these classes.
    """
    missing = [name for name in class_names if name not in dataset.class_names]
    if missing:
        raise InputError(
            f"Expected the classes {', '.join(class_names)} in {dataset.source}; received data "
            f"without {', '.join(missing)}. It has {', '.join(dataset.class_names)}."
        )
    new_label = np.full(len(dataset.class_names), -1, np.int32)
    for label, name in enumerate(class_names):
        new_label[dataset.class_names.index(name)] = label
    kept = dataset.subset(np.flatnonzero(new_label[dataset.labels] >= 0))
    return replace(kept, labels=new_label[kept.labels], class_names=tuple(class_names))


def check_same_names(train: ImageDataset, other: ImageDataset, what: str = "validation") -> None:
    """Refuses datasets in which a label names another class, unless one has numbers for names.

    Args:
        train, other: labelled.
        what: the images of `other`, for the message.

    Raises:
        InputError: the names differ.
    """
    if any(map(_is_unnamed, (train, other))):
        return
    pairs = zip(train.class_names, other.class_names, strict=False)
    for label, (name, given) in enumerate(pairs):
        if name != given:
            raise InputError(
                f"Expected {what} images whose labels name the classes of the training images; "
                f"received label {label} for {printable(given)!r}, which is {printable(name)!r} in "
                "training. Load both at once, or give keep_classes(images, train.class_names)."
            )


def _is_unnamed(dataset):
    """Returns whether the class names are the labels of an array."""
    return not dataset.is_files and dataset.class_names == tuple(
        map(str, range(dataset.num_classes))
    )


def keep_classes_of_splits(splits: Splits, class_names: Sequence[str]) -> Splits:
    """Applies `keep_classes` to train, val and test."""
    parts = [part and keep_classes(part, class_names) for part in splits[:3]]
    return Splits(*parts, splits.inspection)
