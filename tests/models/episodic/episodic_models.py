"""Small models that learn from episodes, and their images."""

import keras
import numpy as np

from tl_keras.models.episodic.maml import MAML
from tl_keras.models.episodic.prototypical import PrototypicalNetwork
from tl_keras.models.episodic.reptile import Reptile

METHODS = (PrototypicalNetwork, Reptile, MAML)


def small_encoder(side=8, dtype="float32", width=4, norm=True):
    """A convolution and a Dense layer, (b, side, side, 3) -> (b, 6)."""
    image = keras.Input((side, side, 3), name="image")
    x = keras.layers.Rescaling(1 / 255.0, dtype=dtype)(image)
    x = keras.layers.Conv2D(width, 3, strides=2, dtype=dtype)(x)
    if norm:
        x = keras.layers.BatchNormalization(momentum=0.9, synchronized=True, dtype=dtype)(x)
    x = keras.layers.Activation("tanh", dtype=dtype)(x)
    x = keras.layers.Flatten(dtype=dtype)(x)
    return keras.Model(image, keras.layers.Dense(6, dtype=dtype)(x))


def small_model(method, seed=0, encoder=None, **arguments):
    """A model of `METHODS` with the same weights for the same seed."""
    keras.utils.set_random_seed(seed)
    few = {} if method is PrototypicalNetwork else {"inner_steps": 2, "test_steps": 2}
    arguments = {"n_way": 3, "k_shot": 1, "n_query": 2, **few, **arguments}
    return method(encoder or small_encoder(), **arguments)


def glyphs(classes=6, per_class=5, side=8, seed=0, noise=20):
    """Random patterns, one a class, with noise: uint8 (n, side, side) and labels."""
    rng = np.random.default_rng(seed)
    patterns = rng.integers(0, 256, (classes, side, side))
    labels = np.repeat(np.arange(classes), per_class)
    noise = rng.integers(-noise, noise + 1, (len(labels), side, side))
    return np.clip(patterns[labels] + noise, 0, 255).astype(np.uint8), labels


def episodes(count=2, n_way=3, k_shot=1, n_query=2, side=8, seed=0):
    """Support and query of some episodes, float32 (count, n_way, images, side, side, 1)."""
    images, _ = glyphs(count * n_way, k_shot + n_query, side, seed)
    images = images.reshape(count, n_way, k_shot + n_query, side, side, 1).astype(np.float32)
    return images[:, :, :k_shot], images[:, :, k_shot:]
