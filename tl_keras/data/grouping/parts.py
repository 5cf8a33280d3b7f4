"""Groups the images of that part of a source which is cut into splits."""

from collections import defaultdict
from collections.abc import Mapping
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
) -> tuple[dict[str, ImageDataset], NearPairs | None, tuple[str, ...]]:
    """Groups the images of the part that is cut into splits.

    Args:
        parts: {"all": dataset} or {"train": dataset, ...}; groups by fixes are kept.
        fingerprints: {path: Fingerprint} of the files.
        group_by: as in `load_dataset`.
        source: path of the data, whose columns `group_by` may name if it is a file of labels.

    Returns:
        (the parts; the near pairs in the one that is cut, or None if they were not looked for;
        lines about the groups).
    """
    key = "all" if "all" in parts else "train"
    missing = sum(name not in parts for name in ("val", "test"))
    if group_by in (None, NO_GROUPS) or (not missing and group_by == DUPLICATES):
        return parts, None, ()
    if group_by == DUPLICATES:
        whole = parts[key]
        grouped, copies, lines = grouped_by_copies(whole, fingerprints, missing + 1)
        near = _near_of(whole, copies, [name for name in ("val", "test") if name not in parts])
        return {**parts, key: _joined(whole, grouped)}, near, lines
    cells = read_column(source, group_by)
    divided = tuple(_divided(parts, group_by, cells))
    if not missing:
        line = f"group_by={group_by!r} changes nothing: the splits are given."
        return parts, None, (line, *divided)
    if cells is not None:
        grouped, lines = grouped_by_column(parts[key], group_by, cells)
    else:
        grouped, lines = grouped_by_pattern(parts[key], group_by)
    return {**parts, key: _joined(parts[key], grouped)}, None, (*lines, *divided)


def _joined(whole, grouped):
    return replace(whole, groups=joined_groups(whole.groups, grouped.groups))


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
    near = copies.keep(copies.ratios > 0)
    order = np.argsort(near.ratios, kind="stable")
    pairs = [(whole.ids[a], whole.ids[b]) for a, b in near.pairs[order]]
    return NearPairs(("train", *missing), pairs)
