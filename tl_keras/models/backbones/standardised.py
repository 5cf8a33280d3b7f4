"""Encoders whose features have mean 0 and variance 1, so that a new head learns at once."""

import keras
import numpy as np

from tl_keras.data.dataset import ImageDataset

LAYER_NAME = "standardised"
_LEAST_SHARE = 0.01  # of the largest variance: features that hardly vary are not amplified
_BATCH_SIZE = 256


def standardise(
    encoder: keras.Model, images: ImageDataset, *, name: str = "encoder"
) -> keras.Model:
    """Appends a fixed scaling to the features of an encoder.

    Codes of an autoencoder can have any scale, and those of a discriminator are small. A head with
    the usual learning rate would make no progress for epochs.

    Args:
        encoder: Functional model (b, h, w, 3) RGB 0-255 -> (b, d) or (b, h', w', d).
        images: (n, h, w, 1) or (n, h, w, 3), 0-255, for measuring the features.
        name: str, name of the new model.

    Returns:
        Functional model: the layers of `encoder` followed by a Keras `Normalization` layer.
    """
    shape = encoder.input_shape[1:]
    total, squares, count = 0.0, 0.0, 0
    for start in range(0, len(images), _BATCH_SIZE):
        part = images[start : start + _BATCH_SIZE]
        rgb = np.broadcast_to(part, (len(part), *shape)).astype(np.float32)
        features = np.asarray(encoder(rgb, training=False), np.float64)
        features = features.reshape(-1, features.shape[-1])
        total += features.sum(0)
        squares += np.square(features).sum(0)
        count += len(features)
    mean = total / count
    variance = np.maximum(squares / count - np.square(mean), 0)
    variance = np.maximum(variance, max(_LEAST_SHARE * variance.max(), 1e-12))
    layer = keras.layers.Normalization(
        mean=mean.tolist(), variance=variance.tolist(), name=LAYER_NAME
    )
    return keras.Model(encoder.input, layer(encoder.output), name=name)
