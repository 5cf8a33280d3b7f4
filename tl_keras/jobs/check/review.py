"""Page on which a person accepts or rejects each finding; every answer is in fixes.csv at once."""

import os
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tl_keras.checks import InputError
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.fixes.finding import Finding
from tl_keras.data.fixes.fixes_file import Fix
from tl_keras.data.images import printable
from tl_keras.reports.served.local_site import add_action, local_site
from tl_keras.reports.wording.check import MEANINGS, TITLES

if TYPE_CHECKING:
    import flask

ACCEPT, REJECT = "accept", "reject"


class Review:
    """Decisions on findings.

    Args:
        findings: `Finding`s.
        write: function from the names (accepted, rejected) that writes fixes.csv and returns its
            rows.
        accepted: names of the findings that are accepted from the beginning.
    """

    def __init__(
        self,
        findings: Sequence[Finding],
        write: Callable[[frozenset[str], frozenset[str]], list[Fix]],
        accepted: frozenset[str] = frozenset(),
    ) -> None:
        self.findings = findings
        self._write, self._lock = write, threading.Lock()
        self._decisions = dict.fromkeys(sorted(accepted), ACCEPT)
        self._fixes = len(write(accepted, frozenset()))

    def findings_shown(self, content: dict) -> dict:
        """Returns all findings by kind, and the state."""
        kinds = [
            {
                "kind": kind,
                "title": title,
                "meaning": MEANINGS[kind],
                "findings": [_shown(each) for each in self.findings if each.kind == kind],
            }
            for kind, title in TITLES.items()
        ]
        return {"kinds": [kind for kind in kinds if kind["findings"]], **self.state(content)}

    def state(self, content: dict) -> dict:
        """Returns {"decisions": {name: "accept" or "reject"}, "fixes": rows of fixes.csv}."""
        with self._lock:
            return self._state()

    def _state(self):
        return {"decisions": dict(self._decisions), "fixes": self._fixes}

    def decide(self, content: dict) -> dict:
        """Takes {"names": [...], "decision": "accept", "reject" or None}; returns the state.

        Raises:
            InputError: a finding or a decision does not exist, or the file cannot be written; then
                nothing is decided.
        """
        names, decision = content.get("names"), content.get("decision")
        known = [each.name for each in self.findings]
        wrong = not isinstance(names, list) or not all(name in known for name in names)
        if wrong or decision not in (ACCEPT, REJECT, None):
            raise InputError(
                "Expected names of findings and a decision; received "
                f"{names!r:.100} and {decision!r:.100}. Load the page again."
            )
        with self._lock:
            after = {n: d for n, d in self._decisions.items() if n not in names}
            after |= dict.fromkeys(names, decision) if decision else {}
            taken, rejected = (
                frozenset(n for n, d in after.items() if d == kind) for kind in (ACCEPT, REJECT)
            )
            self._fixes = len(self._write(taken, rejected))
            self._decisions = after
            return self._state()


def _shown(finding):
    return {
        "name": finding.name,
        "rows": list(finding.rows),
        "paths": [printable(path) for path in finding.paths],
        "reason": finding.reason,
        "proposal": finding.proposal,
        "fixable": bool(finding.fixes),
    }


def review_site(review: Review, data: str, images: ImageDataset, file: str) -> "flask.Flask":
    """Builds the page of a `Review`.

    Args:
        data: name of the source, for the title.
        images: `ImageDataset` of the rows of the findings.
        file: path of fixes.csv.
    """
    name = printable(os.path.abspath(data) if os.path.exists(data) else data)
    site = local_site("check", f"Check of {name}", images, {"file": printable(file)})
    for path, action in (
        ("findings", review.findings_shown),
        ("state", review.state),
        ("decide", review.decide),
    ):
        add_action(site, path, action)
    return site
