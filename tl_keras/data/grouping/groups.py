"""Groups of images by copies, or by a regular expression over the path."""

import itertools
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
_IN_SPLIT = "one split"
_IN_FOLD = "one fold of a cross-validation"
_GIVEN = "; no image is moved to another split"


def joined_groups(one: np.ndarray | None, other: np.ndarray | None) -> np.ndarray | None:
    """Returns groups, int64 (n,), in which whatever either joins is joined; None for no groups."""
    if one is None or other is None:
        return other if one is None else one
    rows = np.arange(len(one))
    return groups_of(np.concatenate([_chain(one, rows), _chain(other, rows)]), len(one))


def groups_together(datasets: Sequence[ImageDataset]) -> np.ndarray | None:
    """Returns the groups of several datasets in a row, int64 (n,); None if none has any.

    A number means the same group in all datasets of one source, and others in another source. Each
    image of a dataset without groups is a group of its own.
    """
    grouped = [part for part in datasets if part.groups is not None]
    if not grouped:
        return None
    numbers = np.concatenate([part.groups for part in grouped])
    span = numbers.max(initial=0) - numbers.min(initial=0) + 1
    sources = list(dict.fromkeys(part.source for part in grouped))
    free = numbers.max(initial=0) + span * (len(sources) - 1) + 1
    found = []
    for part in datasets:
        if part.groups is None:
            found.append(np.arange(free, free + len(part)))
            free += len(part)
        else:
            found.append(part.groups + span * sources.index(part.source))
    return np.concatenate(found)


def _chain(groups, rows):
    """Returns pairs that link each row with the first of its group."""
    _, first, places = np.unique(groups, return_index=True, return_inverse=True)
    return np.stack([first[places.reshape(-1)], rows], axis=1)


def grouped_by_pattern(
    parts: Sequence[ImageDataset], pattern: str, *, cut: bool = True
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Groups images by what a regular expression finds in their paths below the source.

    The key is the first group in brackets, or without one all that is found. An image in whose
    path nothing is found is a group of its own.

    Args:
        parts: the training images or all images, and after them the validation images, if given.
        pattern: regular expression.
        cut: whether the first part is cut into splits. If so, the lines tell of it alone.

    Returns:
        (groups of all parts in a row, int64 (n,), numbered by the first row; lines about them).

    Raises:
        InputError: the expression is invalid, finds nothing in any path, or images have no paths.
    """
    keys = [keys_by_pattern(part, pattern) for part in parts]
    if not any(map(any, keys[:1] if cut else keys)):
        names = image_names(parts[0])
        raise InputError(
            f"Expected group_by to be {DUPLICATES}, {NO_GROUPS}, a column of the labels file or a "
            f"regular expression that occurs in the paths of the images, such as "
            f"{printable(names[0]) if names else ''!r}; received group_by={pattern!r}, which "
            "occurs in none."
        )
    why = f"{pattern!r} does not occur in their paths"
    return _grouped(parts, keys, repr(pattern), why, cut)


def grouped_by_column(
    dataset: ImageDataset, column: str, cells: Mapping[str, str]
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Groups images by the cells of a column, {path below the source: cell}.

    An image with an empty cell is a group of its own. The result is that of `grouped_by_pattern`.
    """
    keys = [keys_by_column(dataset, cells)]
    return _grouped([dataset], keys, f"the column {column!r}", "they have no cell there", True)


def keys_by_pattern(dataset: ImageDataset, pattern: str) -> list[str]:
    """Returns what a regular expression finds in the path of each image, "" for nothing."""
    compiled = _compiled(pattern)
    return [_key(compiled.search(name)) or "" for name in image_names(dataset)]


def keys_by_column(dataset: ImageDataset, cells: Mapping[str, str]) -> list[str]:
    """Returns the cell of each image, "" for none."""
    return [cells.get(name) or "" for name in image_names(dataset)]


def _grouped(parts, keys, what, why, cut):
    own = [key or f"\0{row}" for row, key in enumerate(itertools.chain(*keys))]
    _, first, places = np.unique(own, return_index=True, return_inverse=True)
    groups = first[places.reshape(-1)].astype(np.int64)
    told, place = (1, _IN_SPLIT) if cut else (len(parts), _IN_FOLD + _GIVEN)
    pairs = [pair for part in zip(parts[:told], keys, strict=False) for pair in _named(*part)]
    without = [printable(name) for name, key in pairs if not key]
    count = len(np.unique(groups[: len(pairs)]))
    lines = [f"{count} groups by {what}: each lies in {place}."]
    if without:
        lines.append(f"{len(without)} images are groups of their own, as {why}: {listed(without)}.")
    return groups, tuple(lines)


def _named(part, keys):
    return zip(image_names(part), keys, strict=True)


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
    parts: Sequence[ImageDataset], fingerprints: Mapping[str, Fingerprint], num_parts: int
) -> tuple[np.ndarray | None, Copies, tuple[str, ...]]:
    """Groups images that are the same, or nearly, unless that leaves a class in too few groups.

    Args:
        parts: the training images or all images, and after them the validation images, if given.
        fingerprints: {path: Fingerprint} of their files.
        num_parts: number of splits into which each class of the first part must be divided. If it
            is 1, the lines tell of all parts, else of the first.

    Returns:
        (groups of all parts in a row, int64 (n,), numbered by the first row, or None if there are
        no copies; the copies that were found; lines about them).
    """
    count = sum(map(len, parts))
    found, alike = without_look_alikes(find_copies(parts[0], fingerprints, parts[1:]), count)
    place = _IN_FOLD if num_parts == 1 else _IN_SPLIT
    lines = list(_said_of_search(parts, alike, place))
    copies = _feasible(parts[0], found, num_parts, lines)
    if not len(copies.pairs):
        return None, found, tuple(lines)
    groups = groups_of(copies.pairs, count)
    sizes = np.bincount(groups if num_parts == 1 else groups[: len(parts[0])])
    if sizes.max(initial=0) > 1:
        lines.insert(
            0,
            f"{sizes[sizes > 1].sum()} images are the same or nearly the same as others: each of "
            f"{np.sum(sizes > 1)} groups lies in {place}{_GIVEN if num_parts == 1 else ''}.",
        )
    return groups, found, tuple(lines)


def _said_of_search(parts, alike, place):
    if parts[0].has_paths and len(parts[0]) > MOST_SEARCHED:
        yield (
            f"Of more than {MOST_SEARCHED:,} images only the same ones are kept in {place}, not "
            "nearly the same ones."
        )
    elif parts[0].has_paths and sum(map(len, parts)) > MOST_SEARCHED:
        yield (
            f"Of more than {MOST_SEARCHED:,} images in train and val only the same ones are kept "
            f"in {_IN_FOLD}. Nearly the same ones are grouped within train alone."
        )
    if alike:
        yield (
            f"NOT GROUPED: {alike} images look so much alike that copies cannot be told from "
            "others; only the nearest pairs count as copies. If some of them belong together, "
            "train with --group-by."
        )


def _feasible(dataset, copies, num_parts, lines):
    """Drops pairs of classes that would lie in too few groups to be split, and says so."""
    groups = groups_of(copies.pairs, max(len(dataset), copies.pairs.max(initial=-1) + 1))
    whole = replace(dataset, groups=groups[: len(dataset)])
    few = [name for name, count in groups_per_class(whole).items() if count < num_parts]
    if not few or dataset.labels is None:
        return copies if not few else copies.keep(np.zeros(len(copies.pairs), bool))
    lines.append(
        f"NOT GROUPED: without copies in two splits there would be too few images of class "
        f"{listed([repr(name) for name in few])} for {num_parts} splits."
    )
    numbers = [dataset.class_names.index(name) for name in few]
    inside = np.zeros(len(groups), bool)
    inside[: len(dataset)] = np.isin(dataset.labels, numbers)
    return copies.keep(~inside[copies.pairs].any(axis=1))


def fixed_groups(names: Sequence[str], groups: Mapping[str, str]) -> np.ndarray | None:
    """Returns groups, int64 (n,), of images named in {name: group}; None if there are none."""
    keys = [groups.get(name, f"\0{row}") for row, name in enumerate(names)]
    if len(set(keys)) == len(keys):
        return None
    _, first, places = np.unique(keys, return_index=True, return_inverse=True)
    return first[places.reshape(-1)].astype(np.int64)
