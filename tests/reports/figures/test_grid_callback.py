"""The callback draws any model that can sample or reconstruct."""

import keras
import numpy as np
import pytest
from PIL import Image

from tl_keras import GAN, VAE, Autoencoder, ImageGrids, InputError
from tl_keras.reports.figures.grid_callback import as_images, beside
from tl_keras.reports.figures.image_grids import image_grid

IMAGES = np.random.default_rng(0).integers(0, 256, (16, 8, 8), dtype=np.uint8)


def read(path):
    return np.asarray(Image.open(path))


def test_a_gan_leaves_grids_and_a_film_strip(tmp_path):
    gan = GAN((8, 8), latent_dim=4, width=4, seed=0, ema_decay=0.0)
    gan.compile(keras.optimizers.Adam(0.01), run_eagerly=True)
    grids = ImageGrids(tmp_path / "grids", every=2, n=10, scale=1)
    gan.fit(IMAGES, batch_size=8, epochs=4, verbose=0, callbacks=[grids])
    names = sorted(path.name for path in (tmp_path / "grids").iterdir())
    assert names == ["epoch_0000.png", "epoch_0002.png", "epoch_0004.png", "film_strip.png"]
    last = read(tmp_path / "grids/epoch_0004.png")
    np.testing.assert_array_equal(last, image_grid(gan.sample(10, seed=0)))
    strip = read(tmp_path / "grids/film_strip.png")
    assert strip.shape == (3 * 10 + 2, 8 * 10 + 2, 3)
    np.testing.assert_array_equal(strip[-12:], image_grid(gan.sample(8, seed=0), 8))
    assert not np.array_equal(strip[2:10], strip[-10:-2])


def small_autoencoder():
    model = Autoencoder((8, 8), 3, hidden_units=(6,), seed=0)
    model.compile(run_eagerly=True)
    return model


def test_reconstructions_stand_beside_their_originals(tmp_path):
    model = small_autoencoder()
    grids = ImageGrids(tmp_path, n=4, images=IMAGES, scale=1)
    model.fit(IMAGES, epochs=1, verbose=0, callbacks=[grids])
    pairs = beside(as_images(IMAGES[:4]), as_images(model.reconstruct(IMAGES[:4])))
    np.testing.assert_array_equal(pairs[::2, ..., 0], IMAGES[:4])
    np.testing.assert_array_equal(read(tmp_path / "epoch_0001.png"), image_grid(pairs, 8))
    np.testing.assert_array_equal(read(tmp_path / "film_strip.png")[-10:-2, 2:10, 0], IMAGES[0])


def test_looking_at_a_vae_changes_nothing_of_its_training(tmp_path):
    weights = []
    for callbacks in ([], [ImageGrids(tmp_path, n=4, scale=1)]):
        keras.utils.set_random_seed(0)
        model = VAE((8, 8), 3, hidden_units=(6,), likelihood="gaussian", seed=0)
        model.compile(run_eagerly=True)
        model.fit(IMAGES, epochs=2, shuffle=False, verbose=0, callbacks=callbacks)
        weights.append(model.get_weights())
    for without, looked_at in zip(*weights, strict=True):
        np.testing.assert_array_equal(without, looked_at)
    last = image_grid(as_images(model.sample(4, seed=0)))
    np.testing.assert_array_equal(read(tmp_path / "epoch_0002.png"), last)


def test_a_model_without_the_method_is_refused_before_training(tmp_path):
    with pytest.raises(InputError, match=r"sample\(\).* An Autoencoder needs images=\.\.\."):
        small_autoencoder().fit(IMAGES, verbose=0, callbacks=[ImageGrids(tmp_path)])
    with pytest.raises(InputError, match="every"):
        ImageGrids(tmp_path, every=0)
