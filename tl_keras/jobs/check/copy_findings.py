"""Findings about copies: images that are the same, or nearly the same."""

from collections.abc import Iterator

import numpy as np

from tl_keras.checks import listed
from tl_keras.data.fixes.finding import NEAR, SAME, Finding
from tl_keras.data.fixes.fixes_file import DROP, GROUP, SAME_AS
from tl_keras.data.grouping.copies import Copies, find_copies, groups_of, without_look_alikes
from tl_keras.jobs.check.images import CheckedImages

# Largest product of the ratio of pixels and the squared relative distance of features of a near
# copy, chosen by eye on pairs of CIFAR-10's test images, see docs/check.md.
FEATURE_LIMIT = 0.8


def copies_of(
    checked: CheckedImages, features: np.ndarray | None, usual: float = 1.0
) -> tuple[Copies, int]:
    """Finds copies by pixels and, with features of a network, by both.

    Args:
        features: float (n, d), rows of length 1; None to compare the pixels alone.
        usual: median distance of a row to its nearest other.

    Returns:
        (`Copies`, number of images that look too much alike to be told from copies).
    """
    found = find_copies(checked.images, checked.inspection.fingerprints)
    if features is not None and len(found.pairs):
        first, second = found.pairs.T
        distances = np.linalg.norm(features[first] - features[second], axis=1)
        relative = distances / max(usual, 1e-12)
        found = found.keep(found.ratios * relative**2 <= FEATURE_LIMIT)
    return without_look_alikes(found, len(checked))


def copy_findings(checked: CheckedImages, copies: Copies, wrong: np.ndarray) -> Iterator[Finding]:
    """Yields a finding for each group of the same images, then of nearly the same images.

    Args:
        wrong: float (n,), probability that each label is wrong; of two copies with different
            labels the more probable one is kept.
    """
    same, stands_for = copies.keep(copies.ratios == 0), np.arange(len(checked))
    for rows in _groups(same.pairs, len(checked)):
        kept = min(rows, key=lambda row: (-checked.rank(row), wrong[row], row))
        stands_for[rows] = kept
        reason = f"{SAME_AS}{checked.names[kept]}{_classes(checked, rows)}"
        others = [row for row in rows if row != kept]
        fixes = tuple(checked.fix(row, DROP, reason) for row in others)
        yield _finding(
            SAME, checked, (kept, *others), fixes, f"The same image{_where(checked, rows)}"
        )
    near = stands_for[copies.pairs[copies.ratios > 0]]
    for rows in _groups(near, len(checked)):
        yield _near_finding(checked, rows)


def _near_finding(checked, rows):
    words = f"Nearly the same{_where(checked, rows)}"
    highest = max(checked.rank(row) for row in rows)
    lower = [row for row in rows if checked.rank(row) < highest]
    if lower:
        other = checked.names[next(row for row in rows if row not in lower)]
        fixes = [checked.fix(row, DROP, f"nearly the same as {other}") for row in lower]
    else:
        name = f"near {checked.digests[rows[0]][:12]}"  # no group of an earlier check has it
        fixes = [checked.fix(row, GROUP, "nearly the same", name) for row in rows]
    return _finding(NEAR, checked, rows, tuple(fixes), words)


def _finding(kind, checked, rows, fixes, words):
    rows = tuple(map(int, rows))
    return Finding(kind, rows, fixes, words, tuple(checked.names[row] for row in rows))


def _groups(pairs, count):
    """Returns the rows of each group of several images, in the order of the pairs."""
    groups = groups_of(pairs, count)
    names = dict.fromkeys(groups[pairs[:, 0]].tolist()) if len(pairs) else {}
    members = {name: [] for name in names}
    for row in np.unique(pairs):
        members[groups[row]].append(int(row))
    return list(members.values())


def _where(checked, rows):
    """Returns words on the splits and classes of a group, "" if they are the same."""
    splits = list(dict.fromkeys(checked.splits[row] for row in rows))
    words = f", in {' and '.join(splits)}" if len(splits) > 1 else ""
    return words + _classes(checked, rows)


def _classes(checked, rows):
    classes = list(dict.fromkeys(checked.class_of(row) for row in rows))
    return f", in the classes {listed(classes)}" if len(classes) > 1 else ""
