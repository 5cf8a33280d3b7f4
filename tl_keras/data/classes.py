"""Selection of some classes of a dataset."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tl_keras.checks import InputError, listed
from tl_keras.data.dataset import ImageDataset, Splits


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


def check_same_names(train: ImageDataset, other: ImageDataset) -> None:
    """Refuses datasets in which a label names another class, unless one has numbers for names.

    Raises:
        InputError: the names differ; they are listed.
    """
    names, others = train.class_names, other.class_names
    unnamed = any(each == tuple(map(str, range(len(each)))) for each in (names, others))
    if not unnamed and any(one != two for one, two in zip(names, others, strict=False)):
        raise InputError(
            f"Expected the classes of the {train.split} set in the {other.split} set, in the same "
            f"order: {listed(list(names))}; received {listed(list(others))}. Give "
            f"keep_classes({other.split}, {train.split}.class_names), or load both at once."
        )


def keep_classes_of_splits(splits: Splits, class_names: Sequence[str]) -> Splits:
    """Applies `keep_classes` to train, val and test."""
    parts = [part and keep_classes(part, class_names) for part in splits[:3]]
    return Splits(*parts, splits.inspection)
