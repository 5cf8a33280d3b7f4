"""Applies a fixes.csv to the images of a source, which itself is not changed."""

import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from tl_keras.checks import InputError, listed
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.fixes.fixes_file import (
    DROP,
    GROUP,
    RELABEL,
    SAME_AS,
    Fix,
    Fixes,
    file_digest,
)
from tl_keras.data.grouping.groups import fixed_groups
from tl_keras.data.images import printable
from tl_keras.data.split_records import contents_of, image_names


def without_fixed(
    bad: Sequence[tuple[str, str]], fixes: Fixes
) -> tuple[tuple[tuple[str, str], ...], frozenset[Fix]]:
    """Returns the (path, reason) of unreadable files that no fix drops, and the fixes used."""
    dropped = defaultdict(list)
    for fix in fixes.fixes:
        if fix.action == DROP:
            dropped[fix.digest].append(fix)
    kept, used = [], []
    for path, reason in bad:
        found = dropped.get(file_digest(path))
        if found:
            used += found
        else:
            kept.append((path, reason))
    return tuple(kept), frozenset(used)


def apply_fixes(
    parts: Mapping[str, ImageDataset],
    fixes: Fixes,
    contents: Mapping[str, bytes],
    used: frozenset[Fix] = frozenset(),
) -> tuple[dict[str, ImageDataset], tuple[str, ...]]:
    """Leaves images out, gives others another class, and groups others, as the fixes say.

    A fix belongs to the image of its path and content, or of its content alone if no other image
    has it. One of several equal images is left out by its path only.

    Args:
        parts: {split: `ImageDataset`} of the source.
        fixes: `Fixes`.
        contents: {path: hash} of files that were decoded.
        used: fixes that were applied to unreadable files.

    Returns:
        (the parts with their fixes, lines about what was done).

    Raises:
        InputError: the fixes are of other data, or name a class that does not exist.
    """
    places = _Places(parts, contents)
    found = [(fix, places.of(fix)) for fix in fixes.fixes if fix not in used]
    if fixes.fixes and not used and not any(map(places.has, fixes.fixes)):
        _refuse_other_data(fixes, parts)
    parts, stale = dict(parts), []
    labels = {key: None if p.labels is None else p.labels.copy() for key, p in parts.items()}
    dropped, relabelled, groups = defaultdict(set), 0, defaultdict(dict)
    for fix, place in found:
        if place is None:
            stale.append(fix)
            continue
        key, row = place
        if fix.action == DROP:
            dropped[key].add(row)
        elif fix.action == GROUP:
            groups[key][places.names[key][row]] = fix.new
        elif fix.action == RELABEL:
            changed = _relabel(labels[key], row, fix, parts[key].class_names, fixes)
            relabelled += changed is True
            stale += [fix] if changed is None else []
    grouped_parts = _fixed_groups(places.names, groups)
    for key, part in parts.items():
        grouped = grouped_parts.get(key)
        kept = [row for row in range(len(part)) if row not in dropped[key]]
        parts[key] = replace(part, labels=labels[key], groups=grouped).subset(kept)
    left_out = sum(map(len, dropped.values())) + len(used)
    return parts, tuple(_said(fixes, left_out, relabelled, groups, stale))


def _fixed_groups(names, groups):
    """Returns {part: groups} of the parts with groups, whose numbers mean the same in each."""
    parts = [key for key in names if groups[key]]
    own = [[f"{key}\0{name}" for name in names[key]] for key in parts]
    wanted = {f"{key}\0{name}": group for key in parts for name, group in groups[key].items()}
    numbers = fixed_groups(list(itertools.chain(*own)), wanted)
    if numbers is None:
        return {}
    ends = np.cumsum([len(each) for each in own])
    return dict(zip(parts, np.split(numbers, ends[:-1]), strict=True))


class _Places:
    """Finds the (split, row) of a fix."""

    def __init__(self, parts, contents):
        self.names = {key: image_names(part) for key, part in parts.items()}
        self._named, self._alone = {}, defaultdict(list)
        for key, part in parts.items():
            hashes = contents_of(part, contents)
            for row, (name, content) in enumerate(zip(self.names[key], hashes, strict=True)):
                self._named.setdefault((name, content.hex()), (key, row))
                self._alone[content.hex()].append((key, row))

    def has(self, fix):
        return fix.digest in self._alone

    def of(self, fix):
        same = self._alone.get(fix.digest, [])
        # Of equal images, the one that is left has lost its copy rather than its name.
        is_copy = fix.action == DROP and fix.reason.startswith(SAME_AS)
        alone = same[0] if len(same) == 1 and not is_copy else None
        return self._named.get((fix.path, fix.digest), alone)


def _relabel(labels, row, fix, class_names, fixes):
    """Changes a label and returns True; False if that was done before, None if it is another."""
    if labels is None or fix.new not in class_names:
        raise InputError(
            f"Expected classes of the data in {printable(fixes.file)}; received the new class "
            f"{fix.new!r} for {printable(fix.path)}, which is none of "
            f"{listed(list(class_names)) or 'none'}. Correct it, or remove the row."
        )
    now = class_names[labels[row]]
    if now == fix.new:
        return False
    if now != fix.old:
        return None
    labels[row] = class_names.index(fix.new)
    return True


def _refuse_other_data(fixes, parts):
    source = next(iter(parts.values())).source
    raise InputError(
        f"Expected fixes of {printable(source)}; received {printable(fixes.file)} with "
        f"{len(fixes.fixes)} fixes of {printable(fixes.source)}, none of whose images is there. "
        "Give the fixes of these data, or leave them out."
    )


def _said(fixes, left_out, relabelled, groups, stale):
    grouped = sum(map(len, groups.values()))
    yield (
        f"{printable(fixes.file)}: {left_out} images are left out, {relabelled} have another "
        f"class, {grouped} are kept together in groups."
    )
    if stale:
        names = listed([printable(fix.path) for fix in stale])
        yield (
            f"NOT APPLIED: {len(stale)} fixes of images that are missing or changed, or now of "
            f"another class: {names}."
        )
