"""Finding about images, with the corrections that would mend it."""

import dataclasses
from collections.abc import Iterable, Sequence

from tl_keras.data.fixes.fixes_file import KEEP, Fix

UNREADABLE, SUFFIX, SAME, NEAR, SUSPECT, ODD, SIZE = (
    "unreadable",
    "suffix",
    "same",
    "near",
    "suspect",
    "odd",
    "size",
)


@dataclasses.dataclass(frozen=True)
class Finding:
    """Something about one image, or several that belong together, that may be wrong.

    Attributes:
        kind: "unreadable", "suffix", "same", "near", "suspect", "odd" or "size".
        rows: of the images; () for a file that cannot be read.
        fixes: proposed corrections; () if nothing can be corrected but the file itself.
        reason: sentence.
        paths: of the images, below the source.
        number: from 1, by which a person names it.
    """

    kind: str
    rows: tuple[int, ...]
    fixes: tuple[Fix, ...]
    reason: str
    paths: tuple[str, ...]
    number: int = 0

    @property
    def proposal(self) -> str:
        """What its corrections do, in words."""
        words = {
            "drop": "leave out {}",
            "relabel": "class {}",
            "group": "keep together",
        }
        count = len(self.fixes)
        if not count:
            return "nothing to correct here"
        first = self.fixes[0]
        what = first.new if first.action == "relabel" else ("it" if count == 1 else str(count))
        return words[first.action].format(what)


def numbered(findings: Iterable[Finding]) -> list[Finding]:
    """Returns findings with their numbers."""
    return [dataclasses.replace(each, number=n) for n, each in enumerate(findings, 1)]


def decided(
    findings: Sequence[Finding], accepted: frozenset[int], rejected: frozenset[int] = frozenset()
) -> list[Fix]:
    """Returns the corrections of accepted findings, and "keep" for the images of rejected ones.

    Of several corrections of one image, leaving it out counts, and then another class.
    """
    order = {"drop": 0, "relabel": 1, "group": 2, KEEP: 3}
    fixes = [fix for each in findings if each.number in accepted for fix in each.fixes]
    fixes += [
        fix._replace(action=KEEP, new="", reason=f"{each.kind}: {fix.reason}")
        for each in findings
        if each.number in rejected
        for fix in each.fixes
    ]
    chosen = {}
    for fix in sorted(fixes, key=lambda fix: order[fix.action]):
        first = chosen.setdefault((fix.path, fix.digest), [fix])
        if first[0].action != "drop" and first[0] is not fix and fix.action == "group":
            first.append(fix)
    return [fix for found in chosen.values() for fix in found]


def without_kept(findings: Iterable[Finding], kept: Iterable[Fix]) -> list[Finding]:
    """Returns the findings without those whose images a person said are right as they are."""
    said = {(fix.path, fix.digest, fix.reason) for fix in kept if fix.action == KEEP}
    return [
        each
        for each in findings
        if not each.fixes
        or not all((f.path, f.digest, f"{each.kind}: {f.reason}") in said for f in each.fixes)
    ]
