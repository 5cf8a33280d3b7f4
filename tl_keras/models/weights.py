"""Weights of a model, set together with what its layers have computed from them."""

from collections.abc import Iterable, Sequence

import keras
import numpy as np

from tl_keras.models.keras_private import all_layers


def set_weights(layer: keras.Layer, weights: Sequence[np.ndarray]) -> None:
    """Sets the weights of a layer or model; `Normalization` computes with copies of its own."""
    layer.set_weights(weights)
    finalize(all_layers(layer))


def finalize(layers: Iterable[keras.Layer]) -> None:
    """Lets layers compute again what they keep beside their weights."""
    for layer in layers:
        if hasattr(layer, "finalize_state"):
            layer.finalize_state()


def uncompiled_copy(model: keras.Model) -> keras.Model:
    """Returns a copy with layers and weights of its own, frozen alike and not compiled."""
    # Keras would compile the copy of a compiled model too, and fail at a loss that is a function.
    copy = keras.models.clone_model(keras.Model(model.inputs, model.outputs, name=model.name))
    set_weights(copy, model.get_weights())
    return copy
