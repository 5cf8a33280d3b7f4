"""`likelihood="auto"` is resolved by images of any form and restored from any file."""

import keras
import numpy as np
import pytest

from tests.models.images import blobs, noisy
from tl_keras import VAE, InputError, load_model

CHOICES = {"bernoulli": blobs(), "gaussian": noisy()}
each_choice = pytest.mark.parametrize("chosen", CHOICES)


def auto_model(**arguments):
    keras.utils.set_random_seed(0)
    model = VAE((8, 8), 3, hidden_units=(6,), seed=0, **arguments)
    model.compile(run_eagerly=True)  # a few steps are quicker so than traced
    return model


class Batches(keras.utils.PyDataset):
    """Batches of 16 of the given arrays."""

    def __init__(self, *arrays):
        super().__init__()
        self.arrays = arrays

    def __len__(self):
        return len(self.arrays[0]) // 16

    def __getitem__(self, index):
        parts = tuple(array[16 * index : 16 * index + 16] for array in self.arrays)
        return parts if len(parts) > 1 else parts[0]


@pytest.mark.parametrize(
    ("chosen", "labels"),
    [
        ("bernoulli", ()),
        ("gaussian", (np.arange(32),)),
        pytest.param("gaussian", (), marks=pytest.mark.slow),
        pytest.param("bernoulli", (np.arange(32),), marks=pytest.mark.slow),
    ],
)
def test_a_py_dataset_is_looked_at(chosen, labels):
    model, x = auto_model(), CHOICES[chosen]
    plain = auto_model()
    model.fit(Batches(x, *labels), shuffle=False, verbose=0)
    plain.fit(x, batch_size=16, shuffle=False, verbose=0)
    assert model.likelihood == plain.likelihood == chosen
    for mine, its in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, its)


def test_pixels_of_a_py_dataset_are_checked_too():
    with pytest.raises(InputError, match="scaled to 0-1, multiply by 255"):
        auto_model().fit(Batches(blobs() / 255.0), verbose=0)


@each_choice
def test_a_model_that_was_saved_undecided_trains_after_loading(chosen, tmp_path):
    model, x = auto_model(), CHOICES[chosen]
    model.save(tmp_path / "vae.keras")
    loaded = load_model(tmp_path / "vae.keras", compile=True)
    assert loaded.likelihood == "auto"
    for each in (model, loaded):
        each.run_eagerly = True
        each.fit(x, batch_size=16, shuffle=False, epochs=2, verbose=0)
    assert loaded.likelihood == chosen
    for mine, its in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_allclose(mine, its, atol=1e-6)


@pytest.mark.parametrize(
    ("chosen", "trained_before"),
    [
        ("bernoulli", True),
        ("gaussian", False),
        pytest.param("bernoulli", False, marks=pytest.mark.slow),
        pytest.param("gaussian", True, marks=pytest.mark.slow),
    ],
)
def test_weights_bring_the_likelihood_that_they_were_trained_with(chosen, trained_before, tmp_path):
    model, x = auto_model(), CHOICES[chosen]
    model.fit(x, batch_size=16, verbose=0)
    model.save_weights(tmp_path / "vae.weights.h5")
    other = auto_model()
    if trained_before:
        other.fit(x, verbose=0)
    other.load_weights(tmp_path / "vae.weights.h5")
    assert other.likelihood == chosen
    assert (other.log_scale is not None) == (chosen == "gaussian")
    for mine, its in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, its)
    np.testing.assert_array_equal(model.log_likelihood(x, 2), other.log_likelihood(x, 2))
    other.fit(x, verbose=0)


def test_weights_of_an_undecided_model_leave_it_undecided(tmp_path):
    auto_model().save_weights(tmp_path / "vae.weights.h5")
    model = auto_model()
    model.load_weights(tmp_path / "vae.weights.h5")
    assert model.likelihood == "auto"
    model.fit(noisy(), verbose=0)
    assert model.likelihood == "gaussian"


@pytest.mark.parametrize("binarize", [False, True])
def test_weights_of_an_earlier_version_tell_by_their_scale(binarize, tmp_path, monkeypatch):
    """Files without the likelihood: a scale is there only where it is learned."""
    chosen = "bernoulli" if binarize else "gaussian"
    model = auto_model(binarize=binarize)
    model.fit(CHOICES[chosen], verbose=0)
    with monkeypatch.context() as before:
        before.delattr(VAE, "save_own_variables")
        model.save_weights(tmp_path / "old.weights.h5")
    other = auto_model(binarize=binarize)
    other.load_weights(tmp_path / "old.weights.h5")
    assert other.likelihood == ("auto" if binarize else "gaussian")
    for mine, its in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, its)
