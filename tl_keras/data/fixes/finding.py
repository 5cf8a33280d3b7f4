"""Finding about images, with the corrections that would mend it."""

import dataclasses
import functools
import hashlib
from collections.abc import Iterable, Sequence

from tl_keras.data.fixes.fixes_file import DROP, GROUP, KEEP, RELABEL, Fix
from tl_keras.data.images import printable

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
    """

    kind: str
    rows: tuple[int, ...]
    fixes: tuple[Fix, ...]
    reason: str
    paths: tuple[str, ...]

    @functools.cached_property
    def name(self) -> str:
        """Name such as suspect-3fa9c01b: another one if its images or corrections are others."""
        fixes = [(fix.path, fix.digest, fix.action, fix.new) for fix in self.fixes]
        content = repr((self.paths, fixes)).encode()
        return f"{self.kind}-{hashlib.blake2b(content, digest_size=4).hexdigest()}"

    @property
    def proposal(self) -> str:
        """Words on what its corrections do."""
        words = {DROP: "leave out {}", RELABEL: "class {}", GROUP: "keep together"}
        count = len(self.fixes)
        if not count:
            return "nothing to correct here"
        first = self.fixes[0]
        what = first.new if first.action == RELABEL else str(count)
        if count == 1 and first.action == DROP:
            what = "this one" if len(self.paths) == 1 else printable(first.path)
        return words[first.action].format(what)


def decided(
    findings: Sequence[Finding], accepted: frozenset[str], rejected: frozenset[str] = frozenset()
) -> list[Fix]:
    """Returns the corrections of accepted findings, and "keep" for the images of rejected ones.

    Of several corrections of one image, leaving it out counts, and then another class.
    """
    order = {DROP: 0, RELABEL: 1, GROUP: 2}
    fixes = [fix for each in findings if each.name in accepted for fix in each.fixes]
    chosen: dict[tuple[str, str], list[Fix]] = {}
    for fix in sorted(fixes, key=lambda fix: order[fix.action]):
        before = chosen.setdefault((fix.path, fix.digest), [])
        if not before or (fix.action == GROUP and before[-1].action == RELABEL):
            before.append(fix)
    kept = [
        fix._replace(action=KEEP, new="", reason=f"{each.kind}: {fix.reason}")
        for each in findings
        if each.name in rejected
        for fix in each.fixes
    ]
    return [*(fix for found in chosen.values() for fix in found), *kept]


def without_kept(findings: Iterable[Finding], kept: Sequence[Fix]) -> list[Finding]:
    """Returns the findings without those that a person rejected, and without known groups."""
    said = {(f.path, f.digest, f.reason.split(":")[0]) for f in kept if f.action == KEEP}
    said |= {(f.path, f.digest, NEAR) for f in kept if f.action == GROUP}
    return [
        each
        for each in findings
        if not each.fixes or any((f.path, f.digest, each.kind) not in said for f in each.fixes)
    ]
