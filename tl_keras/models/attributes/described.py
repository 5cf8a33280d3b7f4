"""Base class of zero-shot classifiers that are fitted in closed form or by a convex search."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np

from tl_keras.checks import InputError, check_number
from tl_keras.data.sources.class_descriptions import ClassDescriptions
from tl_keras.models.attributes.class_folds import FEWEST_CLASSES, Choice, Choices, choose
from tl_keras.models.attributes.class_scores import ClassScores
from tl_keras.one_thread import one_thread

_MOST = 1000  # images on which the deviation of scores is measured


class LinearScores(NamedTuple):
    """Scores that are linear in the features: attributes first, then classes.

    Attributes:
        kernel, bias: (d, a) and (a,).
        class_kernel, class_bias: (a, num_classes) and (num_classes,).
    """

    kernel: np.ndarray
    bias: np.ndarray
    class_kernel: np.ndarray
    class_bias: np.ndarray

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Scores, float (n, num_classes), for features (n, d)."""
        first, second = self.kernel.astype(np.float32), self.class_kernel.astype(np.float32)
        if len(self.bias) > len(self.class_bias):  # the shorter way
            return features @ (first @ second) + (self.bias @ second + self.class_bias)
        return (features @ first + self.bias) @ second + self.class_bias


class DescribedClassifier(ClassScores):
    """Base class of classifiers that learn attributes of features from the seen classes.

    A subclass yields a `LinearScores` for each strength from `_solutions`.

    Args:
        descriptions: `ClassDescriptions` of the classes, seen and unseen.
        strength: of the penalties; None for the one of the highest accuracy between seen classes
            that were held out. Below four seen classes a usual one is taken.
        seed: int, of the classes that are held out. Defaults to 0.

    Attributes:
        seen: bool (num_classes,), the classes of which `fit` had images.
        choices: `Choices`, the settings that cross-validation over the seen classes chose.
    """

    strengths: tuple = ()
    usual_strength: Any = None

    def __init__(
        self, descriptions: ClassDescriptions, *, strength: Any = None, seed: int = 0
    ) -> None:
        self.descriptions = descriptions
        self.values = descriptions.values
        self.strength = strength
        self.seed = check_number("seed", seed, minimum=0, integer=True)
        self.seen, self.choices, self._fitted = None, None, None

    def fit(self, features: np.ndarray, labels: Sequence) -> "DescribedClassifier":
        """Fits the classifier to images of the seen classes.

        Args:
            features: float (n, d).
            labels: class of each image, (n,), by name or by its row in the descriptions.

        Returns:
            This classifier.

        Raises:
            InputError: features are not finite or all the same, a class is not described, or
                there are fewer than two classes.
        """
        features = check_features(features)
        labels = self._check_labels(labels, len(features))
        self.seen = np.isin(np.arange(len(self.descriptions)), labels)
        self.mean = features.mean(axis=0)
        self.deviation = _deviation(features - self.mean)
        scaled = ((features - self.mean) / self.deviation).astype(np.float32)
        with one_thread():
            self.choices = self._choose(scaled, labels)
            prepared = self._prepared(scaled, labels)
            strengths = [choice.strength for choice in self.choices]
            found = self._in_units(prepared, scaled, labels, np.flatnonzero(self.seen), strengths)
            self._fitted = Choices(*found)  # type: ignore[arg-type]
        return self

    def scores(self, features: np.ndarray, among_all: bool = False) -> np.ndarray:
        if self._fitted is None:
            raise InputError(f"Expected a fitted {type(self).__name__}; received none. Call fit.")
        features = check_features(features, len(self.mean))
        fitted = self._fitted.among_all if among_all else self._fitted.between
        return fitted((features - self.mean) / self.deviation)

    def to_keras(self, classes: Sequence | None = None) -> keras.Model:
        """Builds a model of Keras's own layers with the probabilities of `predict`.

        Args:
            classes: see `predict`.

        Returns:
            Functional model: "features" (b, d) -> "predictions" (b, classes), float32.
        """
        numbers = self.candidates(classes)
        mixed, (offsets, scale) = self.is_mixed(numbers), self.stacking(numbers)
        fitted = self._fitted.among_all if mixed else self._fitted.between
        kernel = fitted.kernel / self.deviation
        features = keras.Input((len(self.mean),), name="features")
        attributes = _dense(features, kernel, fitted.bias - self.mean @ kernel, "attributes")
        predictions = _dense(
            attributes,
            fitted.class_kernel[:, numbers] * scale,
            (fitted.class_bias[numbers] - offsets) * scale,
            "predictions",
            activation="softmax",
        )
        return keras.Model(features, predictions, name="zero_shot")

    def _choose(self, features, labels):
        given = () if self.strength is None else (self.strength,)
        if self.seen.sum() < FEWEST_CLASSES:
            choice = Choice(given[0] if given else self.usual_strength)
            return Choices(choice, choice)
        strengths = given or self.strengths

        def fits(rows):
            own = features[rows], labels[rows]
            prepared = self._prepared(*own)
            return lambda classes: self._in_units(prepared, *own, classes, strengths)

        unseen = int((~self.seen).sum())
        return choose(fits, features, labels, strengths, held_out=unseen, seed=self.seed)

    def _in_units(self, prepared, features, labels, classes, strengths):
        """Yields the solutions, with scores divided by their deviation on images of `classes`.

        So a calibration means the same after fits to other classes.
        """
        rows = np.flatnonzero(np.isin(labels, classes))
        some = features[rows[:: -(-len(rows) // _MOST)]]
        for fitted in self._solutions(prepared, classes, strengths):
            unit = fitted(some)[:, classes].std(axis=1).mean() or 1.0
            yield fitted._replace(
                class_kernel=fitted.class_kernel / unit, class_bias=fitted.class_bias / unit
            )

    def _prepared(self, features, labels):
        """Returns of some images whatever `_solutions` needs of them."""
        return features, labels

    def _solutions(self, prepared, classes, strengths):
        """Yields a `LinearScores` fitted to the images of `classes` for each strength."""
        raise NotImplementedError


def check_features(features: np.ndarray, dimensions: int | None = None) -> np.ndarray:
    """Returns features as an array (n, d), or raises InputError."""
    features = np.asarray(features)
    if features.ndim != 2 or not features.size or dimensions not in (None, features.shape[-1]):
        wanted = "d" if dimensions is None else dimensions
        raise InputError(
            f"Expected features of shape (n, {wanted}) with n above 0; received "
            f"{features.shape}. Compute them with extract_features(encoder, images)."
        )
    if not np.isfinite(features).all():
        raise InputError(
            "Expected finite features; received NaN or infinity. The encoder's weights are damaged "
            "or too large."
        )
    return features


def _deviation(centred):
    deviation = float(np.sqrt(np.mean(np.square(centred, dtype=np.float64))))
    if not deviation:
        raise InputError(
            "Expected features that differ between images; received the same for all. Take "
            "another encoder."
        )
    return deviation


def _dense(inputs, kernel, bias, name, activation=None):
    layer = keras.layers.Dense(len(bias), activation=activation, dtype="float32", name=name)
    outputs = layer(inputs)
    layer.set_weights([np.asarray(kernel, np.float32), np.asarray(bias, np.float32)])
    return outputs
