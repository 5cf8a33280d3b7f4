"""The multilayer perceptron."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from tl_keras.checks import InputError, check_number
from tl_keras.models.baselines.baseline import Baseline
from tl_keras.models.baselines.dropout import ByteDropout


@keras.saving.register_keras_serializable(package="tl_keras")
class MLP(Baseline):
    """Flattened pixels, Dense ReLU layers, classes.

    Example:
        model = MLP(10, hidden_units=(512, 512), dropout=0.2)
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(x_train, y_train, epochs=10, batch_size=64)

    Args:
        num_classes: int, at least 2.
        hidden_units: ints, width of each hidden layer. Defaults to (128,).
        dropout: float in [0, 1), the rate after each hidden layer. Defaults to 0.
        classifier_activation: str or None; None returns logits. Defaults to "softmax".
        **kwargs: `scale`, factor on the inputs, which defaults to 1 / 255; `name`, `dtype` and
            `trainable` of `keras.Model`.

    Input: (b, h, w), (b, h, w, 1) or (b, h, w, 3), pixels 0-255, uint8 or float.
    Output: float32 (b, num_classes).

    Raises:
        InputError: an argument or the shape of the images cannot be used.

    Reference:
        Initialisation: He et al. (2015), arXiv:1502.01852. Dropout: Srivastava et al. (2014).
    """

    def __init__(
        self,
        num_classes: int,
        hidden_units: Sequence[int] = (128,),
        dropout: float = 0.0,
        *,
        classifier_activation: str | None = "softmax",
        **kwargs: Any,
    ) -> None:
        super().__init__(num_classes, classifier_activation=classifier_activation, **kwargs)
        if not isinstance(hidden_units, list | tuple):
            raise InputError(
                "Expected hidden_units to be a tuple of widths, such as (512, 512); received "
                f"hidden_units={hidden_units!r}."
            )
        self.hidden_units = tuple(
            check_number("hidden_units", units, minimum=1, integer=True) for units in hidden_units
        )
        self.dropout = check_number("dropout", dropout, minimum=0, below=1)
        self._set_body(self._hidden_layers)

    def _hidden_layers(self):
        yield layers.Flatten(name="flatten")
        for number, units in enumerate(self.hidden_units, 1):
            yield layers.Dense(
                units, activation="relu", kernel_initializer="he_normal", name=f"dense_{number}"
            )
            if self.dropout:
                yield ByteDropout(self.dropout, name=f"dropout_{number}")

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "hidden_units": list(self.hidden_units),
            "dropout": self.dropout,
        }
