"""Base class of the networks trained from scratch: pixels in, a row of layers, classes out."""

from typing import Any

import keras
import tensorflow as tf

from tl_keras.checks import InputError, check_number
from tl_keras.models.precision import layers_in

_PIXEL_SCALE = 1.0 / 255.0


class Baseline(keras.Model):
    """Base class for layers in a row between scaled pixels and one Dense layer of classes.

    A subclass passes a function that makes its layers to `_set_body`, and its arguments to
    `get_config`. Images may have shape (b, h, w), (b, h, w, 1) or (b, h, w, 3). The first call,
    `fit` or `build` fixes the size.

    Args:
        num_classes: int, at least 2.
        classifier_activation: str or None; None returns logits. Defaults to "softmax".
        scale: float, factor on the inputs. Defaults to 1 / 255.
        **kwargs: `name`, `dtype` and `trainable` of `keras.Model`.
    """

    smallest_side = 1

    def __init__(
        self,
        num_classes: int,
        *,
        classifier_activation: str | None = "softmax",
        scale: dict | None = _PIXEL_SCALE,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_classes = check_number("num_classes", num_classes, minimum=2, integer=True)
        self.classifier_activation = classifier_activation
        self.scale = check_number("scale", scale, above=0)
        self.input_shape = None  # (None, h, w, c) once built

    def _set_body(self, make_layers):
        with layers_in(self.dtype_policy):
            self.body = list(make_layers())
        self.predictions = keras.layers.Dense(
            self.num_classes,
            activation=self.classifier_activation,
            dtype="float32",
            name="predictions",
        )

    @property
    def output_shape(self) -> tuple | None:
        """(None, num_classes), or (None, steps, num_classes) per step; None until built."""
        return self.input_shape and self.compute_output_shape(self.input_shape)

    def build(self, input_shape: tuple[int, ...]) -> None:
        """Creates the weights for images of `input_shape`, (b, h, w) or (b, h, w, 1 or 3)."""
        self.input_shape = self._checked(input_shape)
        shape = self._body_shape(self.input_shape)
        for layer in (*self.body, self.predictions):
            layer.build(shape)
            shape = layer.compute_output_shape(shape)

    def compute_output_shape(self, input_shape: tuple[int, ...]) -> tuple:
        shape = self._body_shape(self._checked(input_shape))
        for layer in (*self.body, self.predictions):
            shape = layer.compute_output_shape(shape)
        return shape

    def __call__(self, inputs, *args, **kwargs):
        # Refused here because Keras wraps errors of `call` in a page of arguments.
        if self.built:
            self._check_fits(tuple(inputs.shape))
        return super().__call__(inputs, *args, **kwargs)

    def call(self, inputs: Any, training: bool | None = None) -> tf.Tensor:
        return self.predictions(self.features(inputs))

    def features(self, inputs: tf.Tensor) -> tf.Tensor:
        """Returns the input of the classification layer, (b, d), for images 0-255.

        The model must be built. Under a half-precision policy the result has half precision.
        """
        shape = self._body_shape(self.input_shape)
        x = keras.ops.cast(keras.ops.reshape(inputs, (-1, *shape[1:])), self.compute_dtype)
        x = x * self.scale
        for layer in self.body:
            x = layer(x)  # Keras passes `training` on
        return x

    def for_classes(self, num_classes: int) -> keras.Model:
        """Returns this network with a new, random output layer for another set of classes.

        Args:
            num_classes: int, at least 2.

        Returns:
            A built model. All weights except those of `predictions` equal those of this model.
        """
        other = type(self).from_config({**self.get_config(), "num_classes": num_classes})
        other.build(self.input_shape)
        for mine, its in zip(self.body, other.body, strict=True):
            its.set_weights(mine.get_weights())
        return other

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "classifier_activation": self.classifier_activation,
            "scale": self.scale,
        }

    def _body_shape(self, shape):
        """Returns the input shape of the first layer for images (None, h, w, c)."""
        return shape

    def _check_fits(self, shape):
        expected = self.input_shape[1:]
        full = shape if len(shape) == 4 else (*shape, 1)
        sizes = zip(full[1:], expected, strict=False)
        if len(full) != 4 or any(size not in (None, known) for size, known in sizes):
            raise InputError(
                f"Expected images of shape {expected}, for which the model was built; received "
                f"{shape[1:]}. Resize them or build another model."
            )

    def _checked(self, shape):
        """Returns (b, h, w, c) of the batches in `shape`, or raises InputError."""
        shape = tuple(shape)
        full = shape if len(shape) == 4 else (*shape, 1)
        if len(full) != 4 or full[3] not in (1, 3):
            raise InputError(
                "Expected images of shape (b, height, width), (b, height, width, 1) or "
                f"(b, height, width, 3); received {shape}."
            )
        if None in full[1:3] or min(full[1:3]) < self.smallest_side:
            raise InputError(
                f"Expected images of a known size, at least {self.smallest_side} x "
                f"{self.smallest_side} pixels for this {type(self).__name__}; received {shape}. "
                "Resize them or choose another network."
            )
        return (None, *full[1:])
