"""Groups the images of that part of a source which is cut into splits."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from tl_keras.checks import listed
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.grouping.groups import (
    DUPLICATES,
    NO_GROUPS,
    grouped_by_column,
    grouped_by_copies,
    grouped_by_pattern,
    groups_together,
    joined_groups,
    keys_by_column,
    keys_by_pattern,
)
from tl_keras.data.images import printable
from tl_keras.data.inspection.fingerprints import Fingerprint, NearPairs
from tl_keras.data.sources.label_rows import read_column


def group_parts(
    parts: dict[str, ImageDataset],
    fingerprints: Mapping[str, Fingerprint],
    group_by: str | None,
    source: str = "",
    *,
    cut: Sequence[str] = ("val", "test"),
) -> tuple[dict[str, ImageDataset], NearPairs | None, tuple[str, ...]]:
    """Groups the images of the part that is cut into splits, and with them those of a given val.

    Folds of a cross-validation divide no group. So training images, and validation images with
    them, are grouped too where all splits are given and nothing is cut.

    Args:
        parts: {"all": dataset} or {"train": dataset, ...}; groups by fixes are kept.
        fingerprints: {path: Fingerprint} of the files.
        group_by: as in `load_dataset`.
        source: path of the data, whose columns `group_by` may name if it is a file of labels.
        cut: names of the splits that are cut from the parts where they are missing.

    Returns:
        (the parts; the near pairs in the one that is cut, or None if they were not looked for;
        lines about the groups).
    """
    if group_by in (None, NO_GROUPS):
        return parts, None, ()
    missing = [name for name in cut if name not in parts]
    learned = {name: parts[name] for name in ("all", "train", "val") if name in parts}
    images = list(learned.values())
    if group_by == DUPLICATES:
        groups, copies, lines = grouped_by_copies(images, fingerprints, len(missing) + 1)
        near = _near_of(images[0], copies, missing) if missing else None
        return parts | _with_groups(learned, groups), near, lines
    cells = read_column(source, group_by)
    if cells is not None:
        [images] = images  # a file of labels has no splits
        groups, lines = grouped_by_column(images, group_by, cells)
    else:
        groups, lines = grouped_by_pattern(images, group_by, cut=bool(missing))
    divided = tuple(_divided(parts, group_by, cells))
    return parts | _with_groups(learned, groups), None, (*lines, *divided)


def _with_groups(parts, groups):
    """Returns the parts with these groups, all in a row, and those that they have."""
    known = groups_together(list(parts.values()))
    groups = joined_groups(known, known if groups is None else groups)
    if groups is None:
        return parts
    ends = np.cumsum([len(part) for part in parts.values()])
    each = zip(parts.items(), np.split(groups, ends[:-1]), strict=True)
    return {name: replace(part, groups=own) for (name, part), own in each}


def _divided(parts, group_by, cells):
    """Yields a line on groups that lie in several splits as the source has them."""
    places = defaultdict(set)
    for split, part in parts.items():
        by = keys_by_pattern(part, group_by) if cells is None else keys_by_column(part, cells)
        for name in filter(None, by):
            places[name].add(split)
    found = [printable(name) for name, splits in places.items() if len(splits) > 1]
    if found:
        yield (
            f"DIVIDED: {len(found)} groups by {group_by!r} lie in several of the given splits, so "
            f"figures are too good: {listed(found)}."
        )


def _near_of(whole, copies, missing):
    """Returns the `NearPairs` of files that were searched, or None."""
    if not copies.searched:
        return None
    near = copies.keep((copies.ratios > 0) & (copies.pairs < len(whole)).all(axis=1))
    order = np.argsort(near.ratios, kind="stable")
    pairs = [(whole.ids[a], whole.ids[b]) for a, b in near.pairs[order]]
    return NearPairs(("train", *missing), pairs)
