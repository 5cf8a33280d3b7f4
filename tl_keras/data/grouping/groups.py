"""Groups of images by copies, or by a regular expression over the path."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from tl_keras.checks import InputError, listed
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.grouping.copies import (
    MOST_SEARCHED,
    Copies,
    find_copies,
    groups_of,
    without_look_alikes,
)
from tl_keras.data.grouping.grouped_splits import groups_per_class
from tl_keras.data.images import printable
from tl_keras.data.inspection.fingerprints import Fingerprint
from tl_keras.data.split_records import image_names

DUPLICATES, NO_GROUPS = "duplicates", "none"


def joined_groups(one: np.ndarray | None, other: np.ndarray | None) -> np.ndarray | None:
    """Returns groups, int64 (n,), in which whatever either joins is joined; None for no groups."""
    if one is None or other is None:
        return other if one is None else one
    rows = np.arange(len(one))
    return groups_of(np.concatenate([_chain(one, rows), _chain(other, rows)]), len(one))


def _chain(groups, rows):
    """Returns pairs that link each row with the first of its group."""
    _, first, places = np.unique(groups, return_index=True, return_inverse=True)
    return np.stack([first[places.reshape(-1)], rows], axis=1)


def grouped_by_pattern(dataset: ImageDataset, pattern: str) -> tuple[ImageDataset, tuple[str, ...]]:
    """Groups images by what a regular expression finds in their paths below the source.

    The key is the first group in brackets, or without one all that is found. An image in whose
    path nothing is found is a group of its own.

    Returns:
        (the dataset with `groups`, lines about them).

    Raises:
        InputError: the expression is invalid, finds nothing in any path, or images have no paths.
    """
    keys = keys_by_pattern(dataset, pattern)
    if not any(keys):
        names = image_names(dataset)
        raise InputError(
            f"Expected group_by to be {DUPLICATES}, {NO_GROUPS}, a column of the labels file or a "
            f"regular expression that occurs in the paths of the images, such as "
            f"{printable(names[0]) if names else ''!r}; received group_by={pattern!r}, which "
            "occurs in none."
        )
    return _grouped(dataset, keys, repr(pattern), f"{pattern!r} does not occur in their paths")


def grouped_by_column(
    dataset: ImageDataset, column: str, cells: Mapping[str, str]
) -> tuple[ImageDataset, tuple[str, ...]]:
    """Groups images by the cells of a column, {path below the source: cell}.

    An image with an empty cell is a group of its own. The result is that of `grouped_by_pattern`.
    """
    keys = keys_by_column(dataset, cells)
    return _grouped(dataset, keys, f"the column {column!r}", "they have no cell there")


def keys_by_pattern(dataset: ImageDataset, pattern: str) -> list[str]:
    """Returns what a regular expression finds in the path of each image, "" for nothing."""
    compiled = _compiled(pattern)
    return [_key(compiled.search(name)) or "" for name in image_names(dataset)]


def keys_by_column(dataset: ImageDataset, cells: Mapping[str, str]) -> list[str]:
    """Returns the cell of each image, "" for none."""
    return [cells.get(name) or "" for name in image_names(dataset)]


def _grouped(dataset, keys, what, why):
    own = [key or f"\0{row}" for row, key in enumerate(keys)]
    _, first, places = np.unique(own, return_index=True, return_inverse=True)
    groups = first[places.reshape(-1)].astype(np.int64)
    names = zip(image_names(dataset), keys, strict=True)
    without = [printable(name) for name, key in names if not key]
    lines = [f"{len(first)} groups by {what}: each lies in one split."]
    if without:
        lines.append(f"{len(without)} images are groups of their own, as {why}: {listed(without)}.")
    return replace(dataset, groups=groups), tuple(lines)


def _compiled(pattern):
    try:
        return re.compile(pattern)
    except re.error as error:
        raise InputError(
            f"Expected group_by to be a regular expression, such as 'patient(\\d+)'; received "
            f"group_by={pattern!r}: {error}."
        ) from None


def _key(match):
    if match is None:
        return None
    return match.group(1) if match.re.groups and match.group(1) else match.group(0)


def grouped_by_copies(
    dataset: ImageDataset, fingerprints: Mapping[str, Fingerprint], num_parts: int
) -> tuple[ImageDataset, Copies, tuple[str, ...]]:
    """Groups images that are the same, or nearly, unless that leaves a class in too few groups.

    Args:
        dataset: `ImageDataset`.
        fingerprints: {path: Fingerprint} of its files.
        num_parts: number of splits into which each class must be divided.

    Returns:
        (the dataset with `groups`, or without if there are no copies; the copies that were found;
        lines about them).
    """
    found, alike = without_look_alikes(find_copies(dataset, fingerprints), len(dataset))
    lines = list(_said_of_search(dataset, alike))
    copies = _feasible(dataset, found, num_parts, lines)
    if not len(copies.pairs):
        return dataset, found, tuple(lines)
    groups = groups_of(copies.pairs, len(dataset))
    sizes = np.bincount(groups)
    lines.insert(
        0,
        f"{sizes[sizes > 1].sum()} images are the same or nearly the same as others: each of "
        f"{np.sum(sizes > 1)} groups lies in one split.",
    )
    return replace(dataset, groups=groups), found, tuple(lines)


def _said_of_search(dataset, alike):
    if dataset.has_paths and len(dataset) > MOST_SEARCHED:
        yield (
            f"Of more than {MOST_SEARCHED:,} images only the same ones are kept in one split, not "
            "nearly the same ones."
        )
    if alike:
        yield (
            f"NOT GROUPED: {alike} images look so much alike that copies cannot be told from "
            "others; only the nearest pairs count as copies. Give --group-by if some of them "
            "belong together."
        )


def _feasible(dataset, copies, num_parts, lines):
    """Drops pairs of classes that would lie in too few groups to be split, and says so."""
    whole = replace(dataset, groups=groups_of(copies.pairs, len(dataset)))
    few = [name for name, count in groups_per_class(whole).items() if count < num_parts]
    if not few or dataset.labels is None:
        return copies if not few else copies.keep(np.zeros(len(copies.pairs), bool))
    lines.append(
        f"NOT GROUPED: without copies in two splits there would be too few images of class "
        f"{listed([repr(name) for name in few])} for {num_parts} splits."
    )
    inside = np.isin(dataset.labels, [dataset.class_names.index(name) for name in few])
    return copies.keep(~inside[copies.pairs].any(axis=1))


def fixed_groups(names: Sequence[str], groups: Mapping[str, str]) -> np.ndarray | None:
    """Returns groups, int64 (n,), of images named in {name: group}; None if there are none."""
    keys = [groups.get(name, f"\0{row}") for row, name in enumerate(names)]
    if len(set(keys)) == len(keys):
        return None
    _, first, places = np.unique(keys, return_index=True, return_inverse=True)
    return first[places.reshape(-1)].astype(np.int64)
