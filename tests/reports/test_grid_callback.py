"""The callback draws any model that can sample or reconstruct."""

import keras
import numpy as np
import pytest
from PIL import Image

from tl_keras import GAN, InputError, PictureGrids
from tl_keras.reports.grid_callback import beside
from tl_keras.reports.picture_grids import picture_grid

PICTURES = np.random.default_rng(0).integers(0, 256, (16, 8, 8), dtype=np.uint8)


def read(path):
    return np.asarray(Image.open(path))


def test_a_gan_leaves_grids_and_a_film_strip(tmp_path):
    gan = GAN((8, 8), latent_dim=4, width=4, seed=0, ema_decay=0.0)
    gan.compile(keras.optimizers.Adam(0.01))
    grids = PictureGrids(tmp_path / "grids", every=2, n=10, scale=1)
    gan.fit(PICTURES, batch_size=8, epochs=4, verbose=0, callbacks=[grids])
    names = sorted(path.name for path in (tmp_path / "grids").iterdir())
    assert names == ["epoch_0000.png", "epoch_0002.png", "epoch_0004.png", "film_strip.png"]
    last = read(tmp_path / "grids/epoch_0004.png")
    np.testing.assert_array_equal(last, picture_grid(gan.sample(10, seed=0)))
    strip = read(tmp_path / "grids/film_strip.png")
    assert strip.shape == (3 * 10 + 2, 8 * 10 + 2, 3)
    np.testing.assert_array_equal(strip[-12:], picture_grid(gan.sample(8, seed=0), 8))
    assert not np.array_equal(strip[2:10], strip[-10:-2])


class Darkening(keras.Model):
    """Reconstructs pictures too dark."""

    def __init__(self):
        super().__init__()
        self.rate = keras.layers.Dense(1)

    def call(self, x):
        return self.rate(keras.ops.reshape(x, (-1, 64)))

    def reconstruct(self, pictures):
        return np.asarray(pictures, np.float32) / 2


def test_reconstructions_stand_beside_their_originals(tmp_path):
    model = Darkening()
    model.compile("sgd", "mse", jit_compile=False)
    grids = PictureGrids(tmp_path, n=4, pictures=PICTURES, scale=1)
    model.fit(PICTURES / 255.0, np.zeros(16), verbose=0, callbacks=[grids])
    pairs = beside(PICTURES[:4], np.round(PICTURES[:4] / 2).astype(np.uint8))
    np.testing.assert_array_equal(pairs[::2], PICTURES[:4])
    np.testing.assert_array_equal(read(tmp_path / "epoch_0001.png"), picture_grid(pairs, 8))
    np.testing.assert_array_equal(read(tmp_path / "film_strip.png")[-10:-2, 2:10, 0], PICTURES[0])


def test_a_model_without_the_method_is_refused_before_training(tmp_path):
    model = Darkening()
    model.compile("sgd", "mse", jit_compile=False)
    with pytest.raises(InputError, match=r"sample\(\)"):
        model.fit(PICTURES / 255.0, np.zeros(16), verbose=0, callbacks=[PictureGrids(tmp_path)])
    with pytest.raises(InputError, match="every"):
        PictureGrids(tmp_path, every=0)
