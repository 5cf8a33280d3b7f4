"""Forecast of the accuracy with more labels, computed beside the answers."""

import threading
from collections.abc import Mapping

import numpy as np

from tl_keras.data.sources.label_rows import NONE_OF_THESE
from tl_keras.evaluation.labelling.forecast import (
    FEWEST,
    classes_in_need,
    forecast,
    measure_curve,
)
from tl_keras.reports.wording.enough import accuracy_sentence, errors_sentence

_EVERY = 10  # answers


class Outlook:
    """Latest forecast for the labels of a page; a new one is begun every ten answers.

    Args:
        rows: float (n, d), as `Labelling` has them.
        groups: ints (n,); images of the same number, such as copies, count once. None without any.

    Attributes:
        latest: dict of "sentence" and "curve", the accuracy expected at each forecast so far and
            with more labels; None before the first.
    """

    def __init__(self, rows: np.ndarray, groups: np.ndarray | None = None) -> None:
        self.latest: dict | None = None
        self._rows = rows
        self._groups = np.arange(len(rows)) if groups is None else groups
        self._past: list[tuple[int, float]] = []
        self._seen = 0  # labels at the last forecast
        self._thread: threading.Thread | None = None

    def follow(self, labels: Mapping[int, str]) -> None:
        """Begins a forecast in a thread if there are enough new answers and none is under way."""
        if abs(len(labels) - self._seen) < _EVERY or (self._thread and self._thread.is_alive()):
            return
        self._seen = len(labels)
        known = {row: name for row, name in labels.items() if name != NONE_OF_THESE}
        different = len(np.unique(self._groups[list(known)]))
        if different < FEWEST or len(set(known.values())) < 2:
            return
        arguments = (known, set(labels))
        self._thread = threading.Thread(target=self._measure, args=arguments, daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Waits for the forecast that is under way."""
        if self._thread:
            self._thread.join()

    def _measure(self, known, answered):
        class_names, numbers = np.unique(list(known.values()), return_inverse=True)
        others = np.setdiff1d(np.arange(len(self._rows)), list(answered))
        labelled = self._rows[list(known)]
        options = {"others": self._rows[others], "groups": self._groups[list(known)]}
        curve = measure_curve(labelled, numbers, len(class_names), **options)
        more = min(len(known), len(others))
        now, later = (forecast(curve, len(known) + n, kind="chosen") for n in (0, more))
        sentences = [accuracy_sentence(now, later)] if more else []
        sentences.append(errors_sentence(classes_in_need(curve, numbers), class_names))
        self._past.append((len(known), now.expected))
        points = [*self._past, (later.labels, later.expected)]
        self.latest = {
            "sentence": " ".join(sentences),
            "curve": [{"labels": labels, "accuracy": accuracy} for labels, accuracy in points],
        }
