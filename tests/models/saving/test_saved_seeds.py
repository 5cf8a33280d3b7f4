"""Training after loading equals training without interruption."""

import numpy as np
import pytest

from tests.models.images import blobs
from tl_keras import GAN, VAE, Autoencoder, load_model
from tl_keras.models.saving.saved_seeds import SavedSeeds

SMALL = {"input_shape": (8, 8), "latent_dim": 3, "seed": 3}
BUILD = {
    "denoising": lambda: Autoencoder(**SMALL, hidden_units=(6,), noise=0.4),
    "vae": lambda: VAE(**SMALL | {"seed": None}, hidden_units=(6,), binarize=True),
    "gaussian vae": lambda: VAE(**SMALL, hidden_units=(6,), kl_warmup=9, likelihood="gaussian"),
    "gan": lambda: GAN(**SMALL, width=4),
}


def fit(model):
    model.fit(blobs(16), batch_size=8, epochs=1, shuffle=False, verbose=0)


@pytest.mark.parametrize("name", BUILD)
def test_training_goes_on_after_loading_as_without(name, tmp_path):
    model = BUILD[name]()
    model.compile(run_eagerly=True)  # a few steps are quicker so than traced
    fit(model)
    model.save(tmp_path / "half.keras")
    loaded = load_model(tmp_path / "half.keras", compile=True)
    loaded.run_eagerly = True
    for each in (model, loaded):
        fit(each)
        if name != "denoising":
            each.sample(2)  # sampling must not change what training draws
            fit(each)
    for mine, its in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-6, atol=1e-7, err_msg=mine.path)
    if name != "denoising":
        np.testing.assert_array_equal(model.sample(3), loaded.sample(3))


@pytest.mark.parametrize("name", ["denoising", "gaussian vae", "gan"])
def test_files_without_seeds_load_as_before(name, tmp_path, monkeypatch):
    model = BUILD[name]()
    with monkeypatch.context() as without:
        without.delattr(SavedSeeds, "save_own_variables")
        model.save(tmp_path / "old.keras")
    loaded = load_model(tmp_path / "old.keras")
    for mine, its in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(mine, its)
    for seeds in model.seed_names:
        start = getattr(model, seeds).state.numpy()
        np.testing.assert_array_equal(getattr(loaded, seeds).state, start)
