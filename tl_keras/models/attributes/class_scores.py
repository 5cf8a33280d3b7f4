"""Predictions and accuracies from the scores of described classes."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tl_keras.checks import InputError
from tl_keras.models.attributes.class_folds import Choice, Choices
from tl_keras.models.attributes.generalized import class_accuracy, generalized_accuracies


class ClassScores:
    """Base class of zero-shot classifiers: scores of described classes become predictions.

    Attributes:
        descriptions: `ClassDescriptions`.
        seen: bool (num_classes,), the classes that it learned from.
        choices: `Choices`, with the scale and the calibration of the scores.
    """

    descriptions: Any
    seen: np.ndarray | None
    choices: Choices | None

    @property
    def unseen(self) -> tuple[str, ...]:
        """Names of the classes without training images."""
        return tuple(
            name for name, known in zip(self.descriptions.class_names, self.seen, strict=True)
            if not known
        )  # fmt: skip

    def predict(self, features: np.ndarray, classes: Sequence | None = None) -> np.ndarray:
        """Predicts the probabilities of candidate classes.

        If both seen and unseen classes are candidates, the calibration is taken off the scores of
        the seen ones.

        Args:
            features: float (n, d).
            classes: candidates by name or by row of the descriptions. Defaults to all.

        Returns:
            float32 (n, classes), in the order of `classes`.
        """
        numbers = self.candidates(classes)
        return self.probabilities(self.scores(features, self.is_mixed(numbers)), numbers)

    def scores(self, features: np.ndarray, among_all: bool = False) -> np.ndarray:
        """Returns the score of every described class, float (n, num_classes).

        Args:
            features: float (n, d).
            among_all: whether seen and unseen classes are candidates; other settings may suit.
        """
        raise NotImplementedError

    def evaluate(
        self, features: np.ndarray, labels: Sequence, *, generalized: bool = False
    ) -> dict[str, float]:
        """Returns accuracies, each a mean over classes.

        Args:
            features: float (n, d), of test images.
            labels: class of each image, as in `fit`.
            generalized: False: "accuracy" of the images of unseen classes, with these as
                candidates. True: "seen", "unseen" and "harmonic_mean", with all as candidates.

        Raises:
            InputError: there are no images of unseen classes; or of seen ones, if generalized.
        """
        labels = self._check_labels(labels, len(features), fewest=1)
        self._check_kinds(labels, generalized)
        scores = self.scores(features, generalized)
        if generalized:
            offsets, _ = self.stacking(np.arange(len(self.seen)))
            return generalized_accuracies(scores - offsets, labels, self.seen)
        rows, numbers = ~self.seen[labels], np.flatnonzero(~self.seen)
        predicted = numbers[scores[rows][:, numbers].argmax(axis=1)]
        return {"accuracy": class_accuracy(predicted, labels[rows])}

    def predict_attributes(self, features: np.ndarray) -> np.ndarray:
        """Returns attributes, float (n, columns): those of all classes, by their probability."""
        return self.predict(features) @ self.descriptions.values

    def candidates(self, classes: Sequence | None) -> np.ndarray:
        """Returns the rows of candidate classes; all for None."""
        if self.seen is None:
            raise InputError(f"Expected a fitted {type(self).__name__}; received none. Call fit.")
        if classes is None:
            return np.arange(len(self.descriptions))
        if isinstance(classes, str) or not len(classes):
            raise InputError(
                "Expected classes to be a sequence of names or numbers, such as ('cat', 'truck'); "
                f"received classes={classes!r}."
            )
        return self.descriptions.numbers(classes)

    def stacking(self, numbers: np.ndarray) -> tuple[np.ndarray, float]:
        """Returns the offset of the score of each candidate, and the scale of the scores."""
        choice = self.choice_for(numbers)
        return choice.calibration * (self.seen[numbers] & self.is_mixed(numbers)), choice.scale

    def choice_for(self, numbers: np.ndarray) -> Choice:
        """Returns the settings for candidates, by row of the descriptions."""
        return self.choices.among_all if self.is_mixed(numbers) else self.choices.between

    def is_mixed(self, numbers: np.ndarray) -> bool:
        """Returns whether both seen and unseen classes are among the candidates."""
        return bool(self.seen[numbers].any() and not self.seen[numbers].all())

    def probabilities(self, scores: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """Returns probabilities, float32 (n, numbers), from scores of all classes."""
        import scipy.special

        offsets, scale = self.stacking(numbers)
        logits = (scores[:, numbers] - offsets) * scale
        return scipy.special.softmax(logits, axis=1).astype(np.float32)

    def _check_labels(self, labels, count, fewest=2):
        labels = self.descriptions.numbers(np.asarray(labels).tolist())
        if len(labels) != count:
            raise InputError(
                f"Expected a class for each of {count} images; received {len(labels)}."
            )
        if len(np.unique(labels)) < fewest:
            raise InputError(
                f"Expected images of at least two classes to learn from; received one, "
                f"{self.descriptions.class_names[labels[0]]!r}. Add images of another."
            )
        return labels

    def _check_kinds(self, labels, generalized):
        if self.seen is None:
            self.candidates(None)
        of_seen = self.seen[labels]
        if of_seen.all() or (generalized and not of_seen.any()):
            missing = "unseen" if of_seen.all() else "seen"
            raise InputError(
                f"Expected images of seen and of unseen classes; received none of {missing} ones. "
                "Add some."
            )
