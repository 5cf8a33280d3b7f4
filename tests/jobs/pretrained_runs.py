"""Tiny images and runs of `tl-keras pretrain` that take seconds."""

import numpy as np

from tl_keras.settings.label_free import PretrainSettings
from tl_keras.settings.methods import EPISODES, TWO_VIEWS, names_of

SIDE = 8
SMALL = {"epochs": 2, "batch_size": 16, "split": (0.6, 0.2, 0.2)}

OPTIONS = {
    "autoencoder": {"latent_dim": 4},
    "vae": {"latent_dim": 4},
    "gan": {"conditional": True},
} | dict.fromkeys(names_of(TWO_VIEWS), {"width": 2, "projection_units": (16, 8)})
OPTIONS |= dict.fromkeys(
    names_of(EPISODES),
    {"width": 2, "episodes": 4, "batch_size": 2, "n_way": 2, "image_size": 16},
)


def bars(count, seed=0):
    """Images (count, 8, 8) uint8 of a bright bar on black: lying (class 0) or standing (1)."""
    random = np.random.default_rng(seed)
    images = np.zeros((count, SIDE, SIDE), np.uint8)
    labels = np.arange(count) % 2
    for image, label in zip(images, labels, strict=True):
        where = random.integers(SIDE)
        line = image[where] if label == 0 else image[:, where]
        line[:] = random.integers(200, 256, SIDE)
    return images, labels


def save_bars(path, count=120):
    """Writes `bars` with labels as .npz; returns `path`."""
    x, y = bars(count)
    np.savez(path, x=x, y=y)
    return path


def pretrain_config(method, data, out, **changes):
    """A `PretrainSettings` for a run of two epochs."""
    return PretrainSettings(method, str(data), out=str(out), **SMALL | changes)


def pretrain_words(method, data, out, *more):
    """Returns the same options as a command line."""
    words = ["pretrain", "--method", method, "--data", data, "--out", out, "--epochs", 2]
    return [*words, "--batch-size", 16, "--split", "0.6,0.2,0.2", *more]
