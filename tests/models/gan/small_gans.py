"""A GAN with few channels, and images for it."""

import keras
import numpy as np

from tl_keras import GAN

RNG = np.random.default_rng(0)
IMAGES, LABELS = RNG.integers(0, 256, (32, 8, 8), dtype=np.uint8), np.arange(32) % 3


def small_gan(*, run_eagerly=True, **arguments):
    keras.utils.set_random_seed(0)
    arguments = {"input_shape": (8, 8), "latent_dim": 4, "width": 4, "seed": 0} | arguments
    gan = GAN(**arguments)
    gan.compile(run_eagerly=run_eagerly)  # a few steps are quicker so than traced
    return gan


def own_networks():
    layers = keras.layers
    generator = keras.Sequential(
        [keras.Input((4,)), layers.Dense(48, "tanh"), layers.Reshape((4, 4, 3))], name="mine"
    )
    discriminator = keras.Sequential(
        [keras.Input((4, 4, 3)), layers.Flatten(), layers.Dense(6, "relu"), layers.Dense(1)]
    )
    return {"input_shape": (4, 4, 3), "generator": generator, "discriminator": discriminator}
