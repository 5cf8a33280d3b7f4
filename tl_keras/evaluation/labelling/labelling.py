"""Answers to the images asked for so far, and what follows from them."""

import numpy as np

from tl_keras.checks import InputError
from tl_keras.evaluation.labelling.head import head_probabilities
from tl_keras.evaluation.labelling.next_images import landmark_rows, most_telling, typicality

NONE_OF_THESE = -1


class Labelling:
    """Labels given so far to some images, and the images to ask for next.

    First come images that are typical for many others, then those of which the classifier is
    unsure and which differ from each other.

    Args:
        rows: float (n, d), as from `unit_rows`.
        seed: int, of the landmarks and references of the choice. Default 0.

    Example:

        labelling = Labelling(unit_rows(features))
        row = labelling.next()[0]
        labelling.answer(row, 2)
        labelling.probabilities()
    """

    def __init__(self, rows: np.ndarray, *, seed: int = 0) -> None:
        self.rows = rows
        self._landmarks, self._typical = landmark_rows(rows, seed), typicality(rows, seed)
        self.answers = {}
        self._guesses = None

    def answer(self, row: int, label: int | None) -> None:
        """Sets the label of an image: 0 or more, `NONE_OF_THESE`, or None to take it away.

        Raises:
            InputError: there is no such image, or the label is no such number.
        """
        if not 0 <= row < len(self.rows):
            raise InputError(f"Expected an image from 0 to {len(self.rows) - 1}; received {row}.")
        if label is not None and label < NONE_OF_THESE:
            raise InputError(f"Expected a label from {NONE_OF_THESE}; received {label}.")
        if label is None:
            self.answers.pop(row, None)
        else:
            self.answers[row] = label
        self._guesses = None

    def next(self, count: int = 1, skip: tuple[int, ...] = ()) -> list[int]:
        """Returns the images to ask for, without those of `skip`, the most useful first."""
        left_out = np.array(sorted(skip), int)
        answered = np.array(list(self.answers), int)
        return most_telling(
            self._landmarks,
            answered,
            count,
            weights=self._uncertainty(),
            typical=self._typical,
            left_out=left_out,
        )

    def probabilities(self) -> np.ndarray | None:
        """Returns guesses, float (n, largest label + 1); None before two classes have a label."""
        if self._guesses is None:
            self._guesses = self._fit()
        return self._guesses

    def similar(self, row: int, count: int) -> list[int]:
        """Returns images without a label that are most similar to one, the nearest first."""
        likeness = self.rows @ self.rows[row]
        likeness[[row, *self.answers]] = -np.inf
        count = min(count, int(np.isfinite(likeness).sum()))
        return np.argsort(-likeness, kind="stable")[:count].tolist()

    def labelled(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns rows and labels of the answers that name a class, ints (m,) each."""
        named = [(row, label) for row, label in self.answers.items() if label >= 0]
        return np.array([row for row, _ in named], int), np.array([y for _, y in named], int)

    def _uncertainty(self):
        """1 less the difference of the two highest probabilities; None without guesses."""
        guesses = self.probabilities()
        if guesses is None:
            return None
        highest = np.sort(guesses, axis=1)
        return 1 - (highest[:, -1] - highest[:, -2])

    def _fit(self):
        rows, labels = self.labelled()
        if len(np.unique(labels)) < 2:
            return None
        return head_probabilities(self.rows[rows], labels, self.rows, labels.max() + 1)
