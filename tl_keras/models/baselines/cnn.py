"""Convolutional networks of textbook size."""

import dataclasses
from typing import Any

import keras
from keras import layers

from tl_keras.checks import check_choice
from tl_keras.models.baselines.baseline import Baseline
from tl_keras.models.baselines.dropout import ByteDropout


@dataclasses.dataclass(frozen=True)
class _Form:
    """Convolutions, each followed by 2x2 max-pooling, then Dense layers, all with ReLU.

    Attributes:
        filters, kernel_size, padding: arguments of the convolutions.
        dense: widths of the Dense layers.
        smallest_side: least side in pixels at which every pooling has an input.
        dropouts: rates before and after the first Dense layer.
    """

    filters: tuple[int, ...]
    kernel_size: int
    padding: str
    dense: tuple[int, ...]
    smallest_side: int
    dropouts: tuple[float, float] = (0.0, 0.0)


_FORMS = {
    "lenet": _Form((6, 16), 5, "valid", (120, 84), 16),
    "dropout": _Form((64, 128), 3, "same", (1024, 512), 4, (0.25, 0.5)),
    "small": _Form((32, 64), 3, "same", (128,), 4, (0.25, 0.5)),
}
ARCHITECTURES = tuple(_FORMS)


@keras.saving.register_keras_serializable(package="tl_keras")
class CNN(Baseline):
    """Convolutions, pooling and Dense layers, for images of some dozen pixels per side.

    Example:
        model = CNN(10, architecture="small")
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(x_train, y_train, epochs=12, batch_size=128)

    Args:
        num_classes: int, at least 2.
        architecture: str. Defaults to "lenet".
            "lenet": 5x5 convolutions of 6 and 16 channels, Dense 120 and 84; from 16 pixels per
                side.
            "dropout": 3x3 convolutions of 64 and 128 channels, Dense 1024 and 512, dropout 0.25 and
                0.5; from 4 pixels.
            "small": 3x3 convolutions of 32 and 64 channels, Dense 128, dropout 0.25 and 0.5; from 4
                pixels. The usual first example has only the convolution of 32. The second
                convolution and dropout raise it well above 99 % on MNIST.
        classifier_activation: str or None; None returns logits. Defaults to "softmax".
        **kwargs: `scale`, factor on the inputs, which defaults to 1 / 255; `name`, `dtype` and
            `trainable` of `keras.Model`.

    Input: (b, h, w), (b, h, w, 1) or (b, h, w, 3), pixels 0-255, uint8 or float.
    Output: float32 (b, num_classes).

    Raises:
        InputError: an argument or the size of the images is invalid.

    Reference:
        LeCun et al. (1998), "Gradient-based learning applied to document recognition"; this
        one has ReLU, max-pooling and softmax. Initialisation: He et al. (2015), arXiv:1502.01852.
    """

    def __init__(
        self,
        num_classes: int,
        architecture: str = "lenet",
        *,
        classifier_activation: str | None = "softmax",
        **kwargs: Any,
    ) -> None:
        super().__init__(num_classes, classifier_activation=classifier_activation, **kwargs)
        self.architecture = check_choice("architecture", architecture, ARCHITECTURES)
        form = _FORMS[architecture]
        self.smallest_side = form.smallest_side
        self._set_body(lambda: _layers(form))

    @property
    def convolutions(self) -> list[keras.layers.Layer]:
        """Convolution layers, e.g. for freezing them or viewing their filters."""
        return [layer for layer in self.body if isinstance(layer, layers.Conv2D)]

    def get_config(self) -> dict:
        return {**super().get_config(), "architecture": self.architecture}


def _layers(form):
    yield from _convolutions(form)
    yield layers.Flatten(name="flatten")
    yield from _dense(form)


def _convolutions(form):
    for number, filters in enumerate(form.filters, 1):
        yield layers.Conv2D(
            filters,
            form.kernel_size,
            padding=form.padding,
            activation="relu",
            kernel_initializer="he_normal",
            name=f"conv_{number}",
        )
        yield layers.MaxPooling2D(name=f"pool_{number}")


def _dense(form):
    before, after = form.dropouts
    if before:
        yield ByteDropout(before, name="dropout_1")
    for number, units in enumerate(form.dense, 1):
        yield layers.Dense(
            units, activation="relu", kernel_initializer="he_normal", name=f"dense_{number}"
        )
        if after and number == 1:
            yield ByteDropout(after, name="dropout_2")
