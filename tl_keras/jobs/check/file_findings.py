"""Findings about files: unreadable ones, other formats than the suffix says, odd sizes."""

import os
from collections.abc import Iterator

import numpy as np

from tl_keras.data.fixes.finding import SIZE, SUFFIX, UNREADABLE, Finding
from tl_keras.data.fixes.fixes_file import DROP, Fix, file_digest
from tl_keras.jobs.check.images import CheckedImages

_SMALL, _LONG = 4, 3  # times smaller than usual; times the usual ratio of the sides


def file_findings(checked: CheckedImages) -> Iterator[Finding]:
    """Yields a finding for each file that cannot be read, is misnamed or has an odd size."""
    inspection, source = checked.inspection, checked.images.source
    for path, reason in inspection.bad:
        name = os.path.relpath(path, source)
        fix = Fix(name, file_digest(path), DROP, "", "", reason)
        yield Finding(UNREADABLE, (), (fix,), reason, (name,))
    if not checked.images.has_paths:
        return
    rows = {path: row for row, path in enumerate(checked.images.images)}
    for path, kind in inspection.renamed.items():
        if path in rows:
            words = f"The content is {kind}. It is read by its content, whatever the name."
            yield Finding(SUFFIX, (rows[path],), (), words, (checked.names[rows[path]],))
    yield from _odd_sizes(checked)


def _odd_sizes(checked):
    """Yields images that are far smaller or longer than is usual."""
    found = checked.inspection.sizes
    if not all(path in found for path in checked.images.images) or not len(checked):
        return
    sizes = np.array([found[path] for path in checked.images.images], float)
    small, ratio = sizes.min(axis=1), sizes.max(axis=1) / sizes.min(axis=1)
    usual, usual_ratio = np.median(small), np.median(ratio)
    for row in np.flatnonzero((small * _SMALL < usual) | (ratio > _LONG * usual_ratio)):
        width, height = sizes[row].astype(int)
        what = "small" if small[row] * _SMALL < usual else "long"
        reason = f"{width} x {height} pixels: far more {what} than usual"
        if what == "small":
            reason = f"{width} x {height} pixels: far smaller than usual ({usual:.0f})"
        fix = checked.fix(int(row), DROP, reason)
        yield Finding(SIZE, (int(row),), (fix,), reason, (checked.names[row],))
