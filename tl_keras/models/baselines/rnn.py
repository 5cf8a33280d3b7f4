"""Recurrent networks that read an image row by row."""

from typing import Any

import keras
from keras import layers

from tl_keras.checks import InputError, check_choice, check_number
from tl_keras.models.baselines.baseline import Baseline
from tl_keras.models.baselines.dropout import ByteDropout

_CELLS = {"lstm": layers.LSTM, "gru": layers.GRU}
CELLS = tuple(_CELLS)


@keras.saving.register_keras_serializable(package="tl_keras")
class RNN(Baseline):
    """An LSTM or GRU over the rows of an image, or over any sequence, then classes.

    A row is one time step. Its features are the pixels of the row, with the channels of each pixel
    side by side. A sequence (b, steps, features) is read in the same way; pass `scale=1.0` if its
    values are not pixels.

    Example:
        model = RNN(10, cell="lstm", units=128)
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(x_train, y_train, epochs=10, batch_size=64)

    Args:
        num_classes: int, at least 2.
        cell: str, "lstm" or "gru". Defaults to "lstm".
        units: int, dimensions of the state. Defaults to 128.
        return_sequences: bool, whether there is one output, and so one label, for each step instead
            of one for the whole sequence. Defaults to False.
        dropout: float in [0, 1), the rate between the last state and the classes. Defaults to 0.
        scale: float, factor on the inputs. Defaults to 1 / 255.
        classifier_activation: str or None; None returns logits. Defaults to "softmax".
        **kwargs: `name`, `dtype` and `trainable` of `keras.Model`.

    Input: (b, h, w), (b, h, w, 1) or (b, h, w, 3), pixels 0-255, uint8 or float; or
        (b, steps, features).
    Output: float32 (b, num_classes), or (b, h, num_classes) with `return_sequences`.

    Raises:
        InputError: an argument or the shape of the input cannot be used.

    Reference:
        Hochreiter & Schmidhuber (1997), "Long short-term memory", with the forget bias of one of
        Jozefowicz et al. (2015); Cho et al. (2014), arXiv:1406.1078.
    """

    def __init__(
        self,
        num_classes: int,
        cell: str = "lstm",
        units: int = 128,
        return_sequences: bool = False,
        dropout: float = 0.0,
        *,
        classifier_activation: str | None = "softmax",
        **kwargs: Any,
    ) -> None:
        super().__init__(num_classes, classifier_activation=classifier_activation, **kwargs)
        self.cell = check_choice("cell", cell, CELLS)
        self.units = check_number("units", units, minimum=1, integer=True)
        self.dropout = check_number("dropout", dropout, minimum=0, below=1)
        if not isinstance(return_sequences, bool):
            raise InputError(
                "Expected return_sequences to be True or False; received "
                f"return_sequences={return_sequences!r}."
            )
        self.return_sequences = return_sequences
        self._set_body(self._hidden_layers)

    def _hidden_layers(self):
        yield _CELLS[self.cell](self.units, return_sequences=self.return_sequences, name=self.cell)
        if self.dropout:
            yield ByteDropout(self.dropout, name="dropout")

    def _body_shape(self, shape):
        _, height, width, channels = shape
        return (None, height, width * channels)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "cell": self.cell,
            "units": self.units,
            "return_sequences": self.return_sequences,
            "dropout": self.dropout,
        }
