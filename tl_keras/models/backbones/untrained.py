"""Control of a trained encoder: a copy of the network with random weights."""

import random

import keras
import numpy as np

from tl_keras.checks import InputError
from tl_keras.data.dataset import ImageDataset
from tl_keras.models.backbones.standardised import LAYER_NAME, standardise
from tl_keras.models.keras_private import all_layers
from tl_keras.models.weights import set_weights

_BATCH_SIZE = 64
_MOST = 512  # images for measuring statistics


def untrained_copy(encoder: keras.Model, images: ImageDataset, *, seed: int = 0) -> keras.Model:
    """Returns a network of the same architecture with new random weights.

    Its batch normalisation layers get the statistics of its own activations instead of 0 and 1.
    With 0 and 1, activations shrink or grow from layer to layer. Such a control would be weak for
    that reason alone and would make training look good. Layers that do not learn stay unchanged:
    the scaling of pixels, and `Normalization` layers.

    Args:
        encoder: Functional model from images (b, h, w, c), 0-255, to features.
        images: uint8 or float (n, h, w, c) at its input size, 0-255; the first 512 are used.
        seed: int, seed of the random weights.

    Returns:
        Functional model like `encoder`, which is unchanged.

    Raises:
        InputError: the encoder is not a Functional model, or there is no image.
    """
    if not isinstance(encoder, keras.Model) or not hasattr(encoder, "operations"):
        raise InputError(
            "Expected a Functional encoder, which can be copied; received "
            f"{type(encoder).__name__}."
        )
    if not len(images):
        raise InputError("Expected images to measure statistics on; received none.")
    images = np.asarray(images[:_MOST], np.float32)
    scaled = encoder.layers[-1].name == LAYER_NAME
    body = keras.Model(encoder.input, encoder.layers[-1].input) if scaled else encoder
    copy = _reinitialised(body, seed)
    _measure_statistics(copy, images)
    return standardise(copy, images) if scaled else copy


def _reinitialised(encoder, seed):
    """Returns a copy with weights of `seed`; Keras seeds its initialisers from `random`."""
    state = random.getstate()
    random.seed(seed)
    try:
        copy = keras.models.clone_model(encoder)
    finally:
        random.setstate(state)
    for old, new in zip(all_layers(encoder), all_layers(copy), strict=True):
        if isinstance(new, keras.layers.Normalization):
            set_weights(new, old.get_weights())
    return copy


def _measure_statistics(model, images):
    """Sets each BatchNormalization to the mean over batches of its inputs in training mode."""
    found = [x for x in all_layers(model) if isinstance(x, keras.layers.BatchNormalization)]
    kept = [(layer.momentum, layer.trainable) for layer in found]
    for layer in found:
        layer.trainable = True
    for number, start in enumerate(range(0, len(images) if found else 0, _BATCH_SIZE)):
        for layer in found:
            layer.momentum = number / (number + 1)  # running mean of the batches so far
        model(images[start : start + _BATCH_SIZE], training=True)
    for layer, (momentum, trainable) in zip(found, kept, strict=True):
        layer.momentum, layer.trainable = momentum, trainable
