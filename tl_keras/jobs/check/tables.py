"""Tables of a check: findings.csv, label_scores.csv, pairs.csv and fixes.csv."""

from collections.abc import Sequence
from pathlib import Path

from tl_keras.checks import InputError, listed
from tl_keras.data.fixes.finding import NEAR, SAME, Finding, decided
from tl_keras.data.fixes.fixes_file import Fix, Fixes, write_fixes
from tl_keras.data.grouping.copies import Copies
from tl_keras.evaluation.classifiers.suspect_labels import SuspectLabels
from tl_keras.files import write_csv
from tl_keras.jobs.check.images import CheckedImages
from tl_keras.settings.check import accepted

FIXES = "fixes.csv"
_FINDING = ("finding", "kind", "path", "action", "old", "new", "reason")
_PAIRS = ("first", "second", "kind", "disagreement")
_SCORES = ("path", "class", "wrong", "guess", "probability")


def write_tables(
    folder: Path,
    checked: CheckedImages,
    findings: Sequence[Finding],
    suspects: SuspectLabels,
    copies: Copies,
) -> None:
    """Writes findings.csv, label_scores.csv and pairs.csv.

    findings.csv has a row for each image of a finding, label_scores.csv one for each label, the
    most suspect first, and pairs.csv one for each pair of copies, the surest first.
    """
    write_csv(folder / "findings.csv", _FINDING, _finding_rows(findings))
    pairs = sorted(zip(copies.ratios.tolist(), copies.pairs.tolist(), strict=True))
    rows = (
        (checked.names[a], checked.names[b], NEAR if ratio else SAME, f"{ratio:.3g}")
        for ratio, (a, b) in pairs
    )
    write_csv(folder / "pairs.csv", _PAIRS, rows)
    order = sorted(range(len(checked)), key=lambda row: (-suspects.wrong[row], row))
    rows = (
        (
            checked.names[row],
            checked.class_of(row),
            f"{suspects.wrong[row]:.6g}",
            checked.images.class_names[suspects.guesses[row]],
            f"{suspects.given[row]:.6g}",
        )
        for row in order
    )
    write_csv(folder / "label_scores.csv", _SCORES, rows)


def _finding_rows(findings):
    for each in findings:
        fixes = {fix.path: fix for fix in each.fixes}
        for path in each.paths:
            fix = fixes.get(path, Fix(path, "", ""))
            row = (fix.action, fix.old, fix.new)
            yield (each.name, each.kind, path, *row, each.reason)


def accepted_names(findings: Sequence[Finding], words: tuple[str, ...]) -> frozenset[str]:
    """Returns the names of the findings that the words of --accept stand for.

    Raises:
        InputError: there is no finding of such a name.
    """
    kinds, names = accepted(words)
    known = {each.name for each in findings}
    if names - known:
        raise InputError(
            f"Expected names of findings of these images in accept; received "
            f"{listed(sorted(names - known))}. The images or options have changed since they were "
            "shown. Run check without --accept, and take the names in its findings.csv."
        )
    return names | {each.name for each in findings if each.kind in kinds}


def write_decisions(
    path: Path,
    checked: CheckedImages,
    findings: Sequence[Finding],
    taken: frozenset[str],
    rejected: frozenset[str] = frozenset(),
    before: Fixes | None = None,
) -> list[Fix]:
    """Writes fixes.csv and returns its rows: those of `before`, then those decided on now."""
    fixes = [*(before.fixes if before else ()), *decided(findings, taken, rejected)]
    write_fixes(path, fixes, checked.images.source)
    return fixes
