"""Stratified splits of images into train, val and test, reproducible by seed."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tl_keras.checks import InputError, check_number, listed
from tl_keras.data.dataset import ImageDataset, Splits, concatenated
from tl_keras.data.grouping.grouped_splits import (
    check_enough_groups,
    fill_missing,
    place_groups,
)
from tl_keras.data.grouping.groups import groups_together
from tl_keras.settings.image_source import FractionSettings

_NAMES = ("train", "val", "test")


def check_fractions(split_fractions: Any) -> tuple[float, float, float]:
    """Returns three fractions (train, val, test) above 0 with sum 1, else raises an error."""
    parts = tuple(split_fractions)
    for part in parts:
        check_number("split_fractions", part, above=0)
    if len(parts) != 3 or abs(sum(parts) - 1) > 1e-6:
        raise InputError(
            "Expected split_fractions to be three parts (train, val, test) with sum 1, "
            f"e.g. (0.8, 0.1, 0.1); received split_fractions={split_fractions!r}."
        )
    return parts


def make_splits(
    parts: dict[str, ImageDataset], *, split_fractions: tuple[float, float, float], seed: int
) -> tuple[Splits, tuple[str, ...]]:
    """Completes the parts of a source to train, val and test.

    Parts of the source are kept whole. A missing val or test split is cut from train. Images of
    one group, see `ImageDataset.groups`, come into the same split.

    Args:
        parts: {"all": dataset}, or {"train": dataset} with "val", "test", or both.
        split_fractions: fractions of (train, val, test) with sum 1.
        seed: integer.

    Returns:
        Splits without an inspection, and a tuple of lines about splits that were cut from train
        and about fractions that do not count.

    Raises:
        InputError: a class is missing from a part, or has too few images or groups for every split.
    """
    seed = check_number("seed", seed, minimum=0, integer=True)
    fractions = dict(zip(_NAMES, check_fractions(split_fractions), strict=True))
    _check_none_missing(parts)
    whole = parts.get("all", parts.get("train"))
    wanted = [name for name in _NAMES if name == "train" or name not in parts]
    cut = _cut(whole, {name: fractions[name] for name in wanted}, seed)
    splits = {name: cut[name] if name in cut else parts[name] for name in _NAMES}
    notes = []
    if "train" in parts and "test" in cut:
        notes.append(
            f"There is no test folder: {len(cut['test'])} of {len(whole)} training images were "
            "set aside as the test split."
        )
    kept = [name for name in _NAMES if name not in cut]
    if kept and tuple(fractions.values()) != FractionSettings.split:
        names = " and ".join(cut)
        effect = f"only the fractions of {names} count" if len(cut) > 1 else "no fraction counts"
        notes.append(f"The data has its own {' and '.join(kept)} images, which are kept: {effect}.")
    return Splits(**splits), tuple(notes)


def keep_per_class(dataset: ImageDataset, labels_per_class: int, seed: int) -> ImageDataset:
    """Returns the dataset with exactly `labels_per_class` images of each class.

    For one seed, the images of a smaller number are a subset of those of a larger one.

    Raises:
        InputError: there are no labels, or a class has fewer images.
    """
    check_number("labels_per_class", labels_per_class, minimum=1, integer=True)
    if dataset.labels is None:
        raise InputError("Expected labels for labels_per_class; received images without labels.")
    few = _listed({n: c for n, c in dataset.class_counts().items() if c < labels_per_class})
    if few:
        raise InputError(
            f"Expected at least {labels_per_class} training images of each class "
            f"(labels_per_class); received {few}. Add images, or give a smaller number."
        )
    return at_most_per_class(dataset, labels_per_class, seed)


def keep_and_rest(
    dataset: ImageDataset, labels_per_class: int, seed: int
) -> tuple[ImageDataset, ImageDataset]:
    """Returns the result of `keep_per_class`, and the images that it leaves out."""
    kept = keep_per_class(dataset, labels_per_class, seed)
    ids = set(kept.ids)
    rest = [row for row, name in enumerate(dataset.ids) if name not in ids]
    return kept, dataset.subset(rest)


def at_most_per_class(dataset: ImageDataset, most: int, seed: int) -> ImageDataset:
    """Returns at most `most` images of each class; otherwise like `keep_per_class`."""
    orders = _orders(dataset, np.random.default_rng([seed, 1]))
    return dataset.subset(np.sort(np.concatenate([order[:most] for order in orders])))


def few_to_learn_from(
    splits: Splits, train_per_class: int, val_per_class: int, seed: int
) -> Splits:
    """Returns splits with few training and validation images; all others join the test split.

    Args:
        splits: `Splits` cut from one source of arrays or files.
        train_per_class, val_per_class: images per class; in val at most this many.
        seed: integer.

    Returns:
        `Splits`; the test split holds all images that are in neither of the others.
    """
    train, others = keep_and_rest(splits.train, train_per_class, seed)
    val = at_most_per_class(splits.val, val_per_class, seed)
    kept = set(val.ids)
    more = splits.val.subset([row for row, name in enumerate(splits.val.ids) if name not in kept])
    return splits._replace(train=train, val=val, test=joined([splits.test, others, more]))


def joined(datasets: Sequence[ImageDataset]) -> ImageDataset:
    """Concatenates datasets of one source, with the split name of the first.

    For groups see `groups_together`.
    """
    first = datasets[0]
    rows = None if first.is_files else np.concatenate([part.rows for part in datasets])
    images = concatenated([part.images for part in datasets])
    labels = None
    if first.labels is not None:
        labels = np.concatenate([part.labels for part in datasets])
    groups = groups_together(datasets)
    return replace(first, images=images, labels=labels, rows=rows, groups=groups)


def _cut(dataset, fractions, seed):
    """Cuts a dataset into {name: dataset}, stratified, with each class in every part."""
    if len(fractions) == 1:
        return {"train": dataset}
    _check_enough(dataset, len(fractions))
    orders = _orders(dataset, np.random.default_rng([seed, 0]))
    places = _places(dataset, orders, list(fractions.values()), seed)
    return {
        name: dataset.subset(np.flatnonzero(places == number), split=name)
        for number, name in enumerate(fractions)
    }


def _places(dataset, orders, fractions, seed):
    """Returns the number of the split of each image; groups go first, and then the others."""
    sizes = np.array([_sizes(len(order), fractions) for order in orders])
    places = np.full(len(dataset), -1)
    if dataset.groups is not None:
        check_enough_groups(dataset, len(fractions))
        places = place_groups(dataset, sizes, np.random.default_rng([seed, 2]))
    for order, wanted in zip(orders, sizes, strict=True):
        free, placed = order[places[order] < 0], places[order][places[order] >= 0]
        left = _left(wanted - np.bincount(placed, minlength=len(wanted)), len(free))
        places[free] = np.repeat(np.arange(len(wanted)), left)
    return places if dataset.groups is None else fill_missing(dataset, places, len(fractions))


def _left(wanted, count):
    """Returns sizes with sum `count` near those wanted, which may be negative."""
    left = np.maximum(wanted, 0)
    for _ in range(left.sum() - count):
        left[left.argmax()] -= 1
    return left


def _orders(dataset, generator):
    """Returns a random order of the indices of each class, or of all indices without labels."""
    if dataset.labels is None:
        return [generator.permutation(len(dataset))]
    classes = range(dataset.num_classes)
    return [generator.permutation(np.flatnonzero(dataset.labels == label)) for label in classes]


def _sizes(count, fractions):
    """Returns the sizes of the parts of `count`, each at least one; the first takes the rest."""
    total = sum(fractions)
    sizes = [max(1, round(count * fraction / total)) for fraction in fractions[1:]]
    while count - sum(sizes) < 1:
        sizes[sizes.index(max(sizes))] -= 1
    return [count - sum(sizes), *sizes]


def _check_none_missing(parts):
    for split, part in parts.items():
        empty = [name for name, count in part.class_counts().items() if not count]
        if empty or not len(part):
            of_class = f" of class {_named(empty)}" if empty else ""
            raise InputError(
                f"Expected images{of_class} in the {split} split; received none that can be "
                "used. Add images or remove the class."
            )


def _check_enough(dataset, num_parts):
    counts = dataset.class_counts()
    few = _listed({name: count for name, count in counts.items() if count < num_parts})
    if few or len(dataset) < num_parts:
        of_class = " of each class" if counts else ""
        raise InputError(
            f"Expected at least {num_parts} images{of_class}, one for each of {num_parts} "
            f"splits; received {few or len(dataset)}. Add images or remove the class."
        )


def _listed(counts):
    """Returns classes and their numbers of images as text."""
    return listed([f"class {name!r} with {count}" for name, count in counts.items()])


def _named(names):
    return listed([repr(name) for name in names])
