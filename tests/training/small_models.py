"""Tiny classifiers and data on which the claims of the training room can be checked."""

import keras
import numpy as np

from tl_keras.models.classifier import build_classifier

SIZE = 16


def small_backbone(dropout=0.3):
    """Two residual blocks with BatchNormalization and dropout, from images to features."""
    image = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(image)
    x = keras.layers.Conv2D(6, 3, strides=2, padding="same", name="stem")(x)
    for block in ("low", "high"):
        y = keras.layers.Conv2D(6, 3, padding="same", name=f"{block}_conv")(x)
        y = keras.layers.BatchNormalization(name=f"{block}_bn")(y)
        y = keras.layers.ReLU(name=f"{block}_relu")(y)
        y = keras.layers.Dropout(dropout, name=f"{block}_dropout")(y)
        x = keras.layers.Add(name=f"{block}_add")([x, y])
    return keras.Model(image, x, name="small")


def small_classifier(seed=0, **arguments):
    """A classifier of three classes on `small_backbone`, the same for the same seed."""
    keras.utils.set_random_seed(seed)
    settings = {"head": "gap", "dropout": 0.2} | arguments
    if settings["head"] != "linear":
        settings = {"hidden_units": 8} | settings
    return build_classifier(small_backbone(), 3, **settings)


def coloured_images(size=30, seed=0):
    """Images whose class is their dominant colour channel: uint8 (n, 16, 16, 3), int (n,)."""
    rng = np.random.default_rng(seed)
    labels = np.arange(size) % 3
    images = rng.integers(0, 120, (size, SIZE, SIZE, 3))
    images[np.arange(size), :, :, labels] += 100
    return images.astype(np.uint8), labels
