"""Compatibility of features and descriptions, trained with fit."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from tl_keras.checks import InputError, check_number, check_widths
from tl_keras.data.sources.class_descriptions import ClassDescriptions
from tl_keras.models.attributes.class_folds import Choice, Choices
from tl_keras.models.attributes.class_scores import ClassScores
from tl_keras.models.attributes.described import check_features
from tl_keras.models.precision import layers_in
from tl_keras.models.steps.own_loss import OwnLossModel, without_weights

_NOT_A_CANDIDATE = -1e9


@keras.saving.register_keras_serializable(package="tl_keras")
class CompatibilityModel(ClassScores, OwnLossModel):
    """Learns to map features into the space of the descriptions, where the nearest class wins.

    The score of class c is f(x)' s_c / |s_c|. f is a Dense layer on standardised features, after
    hidden ReLU layers if there are some. Without them the score is bilinear in features and
    descriptions. The loss is the cross-entropy of the softmax over the seen classes. Added is half
    the sum of squared weights of the Dense layers, times `penalty`. `tl_keras.fit_compatibility`
    chooses the penalty over classes.

    Example:
        model = CompatibilityModel(descriptions, 1280, unseen=("cat", "truck"))
        model.compile("adam")
        model.fit(features, numbers, epochs=20)
        model.predict(new_features, classes=("cat", "truck"))

    Args:
        descriptions: `ClassDescriptions` of the classes, or a dict of its fields.
        feature_dim: int, dimensions of the features.
        unseen: classes without training images, by name or by row of the descriptions.
        hidden_units: ints, widths of hidden layers. Defaults to none.
        penalty: float from 0. Defaults to 0.001.
        **kwargs: `name`, `dtype` and `trainable` of `keras.Model`.

    Input: features, float (b, feature_dim).
    Output: scores of all classes, float32 (b, num_classes). `predict` returns probabilities.

    Metrics: `loss` and `accuracy`, the share of images whose class is first among the seen ones.

    Reference:
        Bilinear compatibility: Akata et al. 2013, "Label-embedding for attribute-based
        classification". Softmax over the seen classes: Xian et al. 2018, arXiv 1707.00600.
    """

    loss_names = ("loss", "accuracy")

    def __init__(
        self,
        descriptions: ClassDescriptions | dict,
        feature_dim: int,
        *,
        unseen: Sequence,
        hidden_units: Sequence[int] = (),
        penalty: float = 1e-3,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(descriptions, dict):
            descriptions = ClassDescriptions(**descriptions)
        self.descriptions = descriptions
        self.feature_dim = check_number("feature_dim", feature_dim, minimum=1, integer=True)
        self.hidden_units = check_widths("hidden_units", hidden_units)
        self.penalty = check_number("penalty", penalty, minimum=0)
        self.seen = ~np.isin(np.arange(len(descriptions)), descriptions.numbers(unseen))
        if self.seen.sum() < 2:
            raise InputError(
                f"Expected at least two seen classes; received unseen={unseen!r} of "
                f"{len(descriptions)} classes. Describe more classes."
            )
        with layers_in(self.dtype_policy):
            self.projection = _projection(feature_dim, self.hidden_units, descriptions)
        self.trackers = [keras.metrics.Mean(name) for name in self.loss_names]
        self._settings = self.add_weight(
            shape=(3,), initializer="zeros", dtype="float32", trainable=False, name="settings"
        )
        self._learned = self.add_weight(
            shape=self.seen.shape, initializer="zeros", dtype="float32", trainable=False,
            name="learned",
        )  # fmt: skip
        self.set_choice(Choice(self.penalty))
        self.learn_from(np.flatnonzero(self.seen))
        self.input_shape = (None, feature_dim)
        self.built = True

    @property
    def choices(self) -> Choices:
        """Penalty, scale and calibration, which are saved with the weights."""
        penalty, scale, calibration = map(float, self._settings.numpy())
        choice = Choice(penalty, scale, calibration, self._accuracy)
        return Choices(choice, choice)

    def set_choice(self, choice: Choice) -> None:
        """Sets penalty, scale and calibration."""
        self._accuracy = choice.accuracy  # of this process; the others are saved
        self._settings.assign([choice.strength, choice.scale, choice.calibration])

    def learn_from(self, classes: Sequence[int]) -> None:
        """Sets the classes of the softmax of the loss, by row of the descriptions."""
        self._learned.assign(np.isin(np.arange(len(self.seen)), classes).astype(np.float32))

    def call(self, inputs: Any, training: bool | None = None) -> tf.Tensor:
        directions = ops.convert_to_tensor(_directions(self.descriptions.values))
        projected = ops.cast(self.projection(inputs, training=training), "float32")
        return ops.matmul(projected, ops.transpose(directions))

    def batch_of(self, data: Any) -> tuple:
        features, labels = without_weights(self, data)
        if labels is None:
            raise InputError(
                "Expected the class of each image beside its features; received none. Give "
                "fit(x, y), with y as rows of the descriptions."
            )
        return features, ops.cast(ops.reshape(labels, (-1,)), "int32")

    def losses_of(self, batch: tuple, training: bool) -> dict[str, tf.Tensor]:
        features, labels = batch
        logits = self.call(features, training=training) + _NOT_A_CANDIDATE * (1 - self._learned)
        losses = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
        kernels = [w for w in self.projection.trainable_weights if w.name == "kernel"]
        squares = sum(ops.sum(ops.square(ops.cast(kernel, "float32"))) for kernel in kernels)
        right = ops.cast(ops.argmax(logits, axis=1), "int32") == labels
        return {
            "loss": losses + self._settings[0] / 2 * squares,
            "accuracy": ops.cast(right, "float32"),
        }

    def fit(
        self, x: Any = None, y: Any = None, callbacks: Any = None, **kwargs: Any
    ) -> keras.callbacks.History:
        """Trains on images of the seen classes; otherwise like Keras's `fit`.

        Args:
            x: features, float (n, feature_dim), or a `tf.data.Dataset` of (features, numbers).
            y: class of each image, (n,), by name or by row of the descriptions.
            callbacks, **kwargs: as in Keras.

        Raises:
            InputError: a class is unseen or not described, or features are not finite.
            DivergedError: the loss became NaN; the model has the weights of the last good epoch.
        """
        if y is not None and not isinstance(x, tf.data.Dataset):
            x = check_features(x, self.feature_dim)
            y = self._check_seen(self._check_labels(np.asarray(y), len(x), fewest=1))
        return super().fit(x, y, callbacks=self.guarded(callbacks), **kwargs)

    def scores(self, features: np.ndarray, among_all: bool = False) -> np.ndarray:
        features = check_features(features, self.feature_dim)
        return keras.Model.predict(self, features, verbose=0)

    def predict(
        self, features: np.ndarray, classes: Sequence | None = None, **kwargs: Any
    ) -> np.ndarray:
        """Predicts the probabilities of candidate classes, see `ClassScores.predict`.

        Args:
            features: float (n, feature_dim).
            classes: candidates by name or by row of the descriptions. Defaults to all.
            **kwargs: those of Keras's `predict`.
        """
        features = check_features(features, self.feature_dim)
        scores = keras.Model.predict(self, features, **{"verbose": 0, **kwargs})
        return self.probabilities(scores, self.candidates(classes))

    def evaluate(
        self, x: Any = None, y: Any = None, *, generalized: bool | None = None, **kwargs: Any
    ) -> Any:
        """Returns accuracies of seen and unseen classes, or loss and metrics.

        Args:
            x, y: as in `fit`.
            generalized: see `ClassScores.evaluate`. Defaults to None: loss and metrics on seen
                classes, as Keras's `evaluate` returns them.
            **kwargs: those of Keras's `evaluate`, without `generalized`.
        """
        if generalized is None:
            return keras.Model.evaluate(self, x, y, **kwargs)
        return super().evaluate(x, y, generalized=generalized)

    def to_keras(self, classes: Sequence | None = None) -> keras.Model:
        """Builds a model of Keras's own layers with the probabilities of `predict`.

        Args:
            classes: see `predict`.

        Returns:
            Functional model: "features" (b, d) -> "predictions" (b, classes), float32.
        """
        numbers = self.candidates(classes)
        offsets, scale = self.stacking(numbers)
        layer = keras.layers.Dense(
            len(numbers), activation="softmax", dtype="float32", name="predictions"
        )
        features = keras.Input((self.feature_dim,), name="features")
        x = features
        for each in self.projection.layers[1:]:
            x = each(x)
        predictions = layer(x)
        layer.set_weights([
            _directions(self.descriptions.values)[numbers].T * scale,
            -offsets * scale,
        ])  # fmt: skip
        return keras.Model(features, predictions, name="zero_shot")

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "descriptions": {
                "class_names": list(self.descriptions.class_names),
                "columns": list(self.descriptions.columns),
                "values": self.descriptions.values.tolist(),
            },
            "feature_dim": self.feature_dim,
            "unseen": list(self.unseen),
            "hidden_units": list(self.hidden_units),
            "penalty": self.penalty,
        }

    def _check_seen(self, labels):
        wrong = labels[~self.seen[labels]]
        if len(wrong):
            name = self.descriptions.class_names[wrong[0]]
            raise InputError(
                f"Expected training images of seen classes; received {len(wrong)} of unseen ones, "
                f"such as {name!r}. Leave them out, or take the class out of unseen."
            )
        return labels.astype(np.int32)


def _projection(feature_dim, hidden_units, descriptions):
    features = keras.Input((feature_dim,), name="features")
    x = keras.layers.BatchNormalization(
        momentum=0.9, center=False, scale=False, synchronized=True, name="standardised"
    )(features)
    for number, units in enumerate(hidden_units, 1):
        x = keras.layers.Dense(
            units, activation="relu", kernel_initializer="he_normal", name=f"dense_{number}"
        )(x)
    x = keras.layers.Dense(len(descriptions.columns), dtype="float32", name="attributes")(x)
    return keras.Model(features, x, name="projection")


def _directions(values):
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    return (values / np.maximum(lengths, np.finfo(np.float32).tiny)).astype(np.float32)
