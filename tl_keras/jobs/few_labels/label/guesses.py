"""Guesses by names of classes, and the images to ask for."""

from collections.abc import Collection, Mapping

import numpy as np

from tl_keras.data.sources.label_rows import NONE_OF_THESE
from tl_keras.evaluation.labelling import labelling as numbered


class Guesses:
    """`Labelling` of the evaluation room with names in the place of numbers.

    Args:
        labelling: `Labelling`.
        labels: {row: name of a class, or `NONE_OF_THESE`} so far.
    """

    def __init__(self, labelling: "numbered.Labelling", labels: Mapping[int, str | None]) -> None:
        self._labelling = labelling
        self._numbers = {NONE_OF_THESE: numbered.NONE_OF_THESE}
        self._names: list[str] = []
        self.learn(labels)

    def learn(self, labels: Mapping[int, str | None]) -> None:
        """Sets labels, None to take one away."""
        for row, name in labels.items():
            if name is not None and name not in self._numbers:
                self._numbers[name] = len(self._names)
                self._names.append(name)
            self._labelling.answer(row, None if name is None else self._numbers[name])

    def next(self, count: int, skip: Collection[int]) -> list[int]:
        """Returns images to ask for, without those of `skip`."""
        return self._labelling.next(count, tuple(skip))

    def similar(self, row: int) -> list[int]:
        """Returns all images without a label, the most similar to one first."""
        return self._labelling.similar(row, len(self._labelling.rows))

    def of(self, row: int) -> tuple[str, float] | None:
        """Returns (class, probability) guessed for an image; None while nothing can be guessed."""
        probabilities = self._labelling.probabilities()
        if probabilities is None:
            return None
        number = int(probabilities[row].argmax())
        return self._names[number], float(probabilities[row, number])

    def guessed(self, name: str) -> list[int]:
        """Returns the images guessed to be a class, the surest first, with and without labels."""
        probabilities, number = self._labelling.probabilities(), self._numbers.get(name)
        if probabilities is None or number is None or number >= probabilities.shape[1]:
            return []
        rows = np.flatnonzero(probabilities.argmax(axis=1) == number)
        return rows[np.argsort(-probabilities[rows, number], kind="stable")].tolist()
