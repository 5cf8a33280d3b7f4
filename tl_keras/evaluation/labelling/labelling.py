"""Answers to the images asked for so far, and what follows from them."""

import warnings

import numpy as np

from tl_keras.checks import InputError
from tl_keras.evaluation.encoders.clusters import check_features
from tl_keras.evaluation.labelling.next_images import most_telling
from tl_keras.one_thread import one_thread

NONE_OF_THESE = -1
_DIRECTIONS = 128
_STRENGTH = 10.0  # scikit-learn's C, for rows of length 1
_TYPICAL_FIRST = 2  # labels a class before the choice looks at the classifier


class Labelling:
    """Labels given so far to some images, and the images to ask for next.

    First come images that are typical for many others, then those of which the classifier is
    unsure and which differ from each other.

    Args:
        features: float (n, d), finite.
        seed: int, of the directions that are kept of many features. Default 0.

    Example:

        labelling = Labelling(features)
        row = labelling.next()[0]
        labelling.answer(row, 2)
        labelling.probabilities()
    """

    def __init__(self, features: np.ndarray, *, seed: int = 0):
        self.rows = unit_rows(features, seed)
        self.answers: dict[int, int] = {}
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
            self.rows, answered, count, weights=self._uncertainty(), left_out=left_out
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

    def _labelled(self):
        """Rows and labels of the answers that name a class."""
        named = [(row, label) for row, label in self.answers.items() if label >= 0]
        return np.array([row for row, _ in named], int), np.array([y for _, y in named], int)

    def _uncertainty(self):
        """1 less the difference of the two highest probabilities; None while images are few."""
        rows, labels = self._labelled()
        guesses = self.probabilities()
        if guesses is None or len(rows) < _TYPICAL_FIRST * len(np.unique(labels)):
            return None
        highest = np.sort(guesses, axis=1)
        return 1 - (highest[:, -1] - highest[:, -2])

    def _fit(self):
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

        rows, labels = self._labelled()
        present = np.unique(labels)
        if len(present) < 2:
            return None
        with one_thread(), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            head = LogisticRegression(C=_STRENGTH, max_iter=200).fit(self.rows[rows], labels)
            guesses = np.zeros((len(self.rows), present[-1] + 1))
            guesses[:, present] = head.predict_proba(self.rows)
        return guesses


def unit_rows(features: np.ndarray, seed: int = 0) -> np.ndarray:
    """Returns float32 (n, d), d at most 128: features of length 1 about their mean.

    Raises:
        InputError: features are not (n, d) and finite.
    """
    from sklearn.decomposition import PCA

    rows = _of_length_1(check_features(features))
    rows = _of_length_1(rows - rows.mean(axis=0))
    if min(rows.shape) > _DIRECTIONS:
        with one_thread():
            rows = PCA(_DIRECTIONS, random_state=seed).fit_transform(rows)
    return rows


def _of_length_1(rows):
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
