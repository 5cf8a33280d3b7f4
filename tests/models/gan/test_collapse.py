"""A generator of one image causes a warning, a generator of many does not."""

import warnings

import keras
import numpy as np
import pytest

from tl_keras import GAN
from tl_keras.models.gan.collapse import CollapseWarning, CollapseWatch, diversity

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8)


def watched(real=IMAGES):
    keras.utils.set_random_seed(0)
    gan = GAN((8, 8), latent_dim=4, width=8, seed=0)
    gan.compile()
    gan.optimizer.iterations.assign(1000)
    watch = CollapseWatch(real)
    watch.set_model(gan)
    watch.on_train_begin()
    return gan, watch


def scale_start(gan, factor):
    kernel = gan.generator.get_layer("start").kernel
    kernel.assign(factor * kernel)


def test_diversity_is_the_mean_squared_distance_of_pairs():
    images = IMAGES[:6] / 255.0
    pairs = [np.mean((a - b) ** 2) for a in images for b in images]
    np.testing.assert_allclose(diversity(IMAGES[:6]), np.mean(pairs), rtol=1e-5)
    assert diversity(np.repeat(IMAGES[:1], 5, axis=0)) < 1e-12


def test_forced_collapse_warns_once_and_names_the_epoch():
    gan, watch = watched(real=None)
    scale_start(gan, 10.0)
    logs = {}
    watch.on_epoch_end(0, logs)
    assert logs["diversity"] > 0
    scale_start(gan, 0.0)
    with pytest.warns(CollapseWarning, match="after epoch 2"):
        watch.on_epoch_end(1, {})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        watch.on_epoch_end(2, {})


def test_samples_alike_from_the_start_are_noticed_by_the_real_images():
    gan, watch = watched()
    scale_start(gan, 0.0)
    with pytest.warns(CollapseWarning, match="of real images"):
        watch.on_epoch_end(0, {})


def test_healthy_samples_and_the_first_steps_warn_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gan, watch = watched(real=IMAGES // 8)
        scale_start(gan, 30.0)
        for epoch in range(3):
            watch.on_epoch_end(epoch, {})
        early, watch = watched()
        early.optimizer.iterations.assign(10)
        scale_start(early, 0.0)
        watch.on_epoch_end(0, {})
