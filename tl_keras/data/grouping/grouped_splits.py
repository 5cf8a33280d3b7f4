"""Cuts labelled images into splits without dividing a group of images."""

import numpy as np

from tl_keras.checks import InputError, listed
from tl_keras.data.dataset import ImageDataset


def check_enough_groups(dataset: ImageDataset, num_parts: int) -> None:
    """Refuses classes whose images lie in fewer groups than there are splits."""
    few = {name: count for name, count in groups_per_class(dataset).items() if count < num_parts}
    if few:
        found = listed([f"class {name!r} with {count}" for name, count in few.items()])
        raise InputError(
            f"Expected the images of each class in at least {num_parts} groups, one for each of "
            f"{num_parts} splits; received {found}. Add images of other groups, give finer groups "
            "with --group-by, or --group-by none."
        )


def groups_per_class(dataset: ImageDataset) -> dict[str, int]:
    """Returns {class: number of groups that hold its images}; "" for images without labels."""
    if dataset.labels is None:
        return {"": len(np.unique(dataset.groups))}
    return {
        name: len(np.unique(dataset.groups[dataset.labels == label]))
        for label, name in enumerate(dataset.class_names)
    }


def place_groups(
    dataset: ImageDataset, sizes: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    """Chooses a split for each image of a group of several.

    Groups are placed from the largest to the smallest. Each goes to a split that has room for it
    in every class, drawn in proportion to the sizes; without such a split, to the one that it
    overfills least.

    Args:
        dataset: `ImageDataset` with groups.
        sizes: ints (classes, splits), images wanted.
        generator: of the order and the draws.

    Returns:
        ints (n,), number of the split, -1 for the only image of a group.
    """
    labels = np.zeros(len(dataset), int) if dataset.labels is None else dataset.labels
    places = np.full(len(dataset), -1)
    room = sizes.astype(float)
    for rows in _large_groups(dataset.groups, generator):
        counts = np.bincount(labels[rows], minlength=len(sizes))
        over = np.maximum(counts[:, None] - np.maximum(room, 0), 0).sum(axis=0)
        fits = np.flatnonzero(over == over.min())
        shares = sizes[:, fits].sum(axis=0) / sizes[:, fits].sum()
        chosen = fits[generator.choice(len(fits), p=shares)]
        places[rows] = chosen
        room[:, chosen] -= counts
    return places


def _large_groups(groups, generator):
    """Returns the rows of each group of several images, the largest first, else at random."""
    order = np.argsort(groups, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)
    several = [part for part in parts if len(part) > 1]
    mixed = [several[place] for place in generator.permutation(len(several))]
    return sorted(mixed, key=len, reverse=True)


def fill_missing(dataset: ImageDataset, places: np.ndarray, num_parts: int) -> np.ndarray:
    """Moves the smallest groups that give every split an image of each class.

    Raises:
        InputError: no such move is left.
    """
    labels = np.zeros(len(dataset), int) if dataset.labels is None else dataset.labels
    places = places.copy()
    for _ in range(num_parts * (labels.max() + 1) + 1):
        lacking = _lacking(labels, places, num_parts)
        if lacking is None:
            return places
        if not _move(dataset.groups, labels, places, *lacking):
            break
    label, part = _lacking(labels, places, num_parts)
    name = dataset.class_names[label] if dataset.class_names else ""
    raise InputError(
        f"Expected groups that can be divided into {num_parts} splits with each class in every "
        f"one; received none of class {name!r} left for split {part + 1}. Add images of other "
        "groups, give finer groups with --group-by, or --group-by none."
    )


def _lacking(labels, places, num_parts):
    """Returns the first (class, split) without an image, or None."""
    counts = np.zeros((labels.max() + 1, num_parts), int)
    np.add.at(counts, (labels, places), 1)
    missing = np.argwhere(counts == 0)
    return tuple(missing[0]) if len(missing) else None


def _move(groups, labels, places, label, part):
    """Moves the smallest group with that class that no other split needs; tells whether."""
    names = np.unique(groups[labels == label])
    for name in sorted(names, key=lambda name: (np.sum(groups == name), name)):
        inside = groups == name
        origin = places[inside][0]
        others = labels[~inside & (places == origin)]
        if np.isin(labels[inside], others).all():
            places[inside] = part
            return True
    return False
