"""Groups the images of that part of a source which is cut into splits."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from tl_keras.data.dataset import ImageDataset
from tl_keras.data.grouping.groups import (
    DUPLICATES,
    NO_GROUPS,
    grouped_by_column,
    grouped_by_copies,
    grouped_by_pattern,
    joined_groups,
)
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
    if not missing:
        return parts, None, (f"group_by={group_by!r} changes nothing: the splits are given.",)
    whole, near = parts[key], None
    if group_by == DUPLICATES:
        grouped, copies, lines = grouped_by_copies(whole, fingerprints, missing + 1)
        near = _near_of(whole, copies, [name for name in ("val", "test") if name not in parts])
    elif (cells := read_column(source, group_by)) is not None:
        grouped, lines = grouped_by_column(whole, group_by, cells)
    else:
        grouped, lines = grouped_by_pattern(whole, group_by)
    groups = joined_groups(whole.groups, grouped.groups)
    return {**parts, key: replace(whole, groups=groups)}, near, lines


def _near_of(whole, copies, missing):
    """Returns the `NearPairs` of files that were searched, or None."""
    if not copies.searched:
        return None
    near = copies.keep(copies.ratios > 0)
    order = np.argsort(near.ratios, kind="stable")
    pairs = [(whole.ids[a], whole.ids[b]) for a, b in near.pairs[order]]
    return NearPairs(("train", *missing), pairs)
