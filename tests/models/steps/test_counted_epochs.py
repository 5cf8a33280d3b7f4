"""Epoch counts continue from one call of `fit` to the next, and in files."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.models.gan.small_gans import IMAGES, LABELS, small_gan
from tests.models.images import blobs
from tests.models.two_views.two_view_models import small_model
from tl_keras import Autoencoder, ImageDataset, SimCLR, fit_without_labels, load_model

X = blobs(16)
DATA = {"array": X, "batches": tf.data.Dataset.from_tensor_slices(X).batch(8)}


def small_simclr(rate=0.01):
    model = small_model(SimCLR)
    model.compile(keras.optimizers.SGD(rate), run_eagerly=True)  # few steps are quicker so
    return model


def losses(model, data, **arguments):
    size = {"batch_size": 8} if isinstance(data, np.ndarray) else {}
    return model.fit(data, verbose=0, **size, **arguments).history["loss"]


@pytest.mark.parametrize(
    "data", [DATA["array"], pytest.param(DATA["batches"], marks=pytest.mark.slow)], ids=DATA
)
def test_three_calls_of_one_epoch_are_one_of_three(data):
    at_once, one_by_one = small_simclr(), small_simclr()
    expected = losses(at_once, data, epochs=3)
    own_list = keras.callbacks.CallbackList([], add_history=True, model=one_by_one)
    calls = (None, own_list, [])
    assert [losses(one_by_one, data, callbacks=given)[0] for given in calls] == expected
    for a, b in zip(at_once.get_weights(), one_by_one.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_each_epoch_has_its_own_views_and_the_initial_epoch_is_obeyed():
    expected = losses(small_simclr(rate=0.0), X, epochs=4)  # what differs is the views
    assert len(set(expected)) == 4
    late = small_simclr(rate=0.0)
    assert losses(late, X, initial_epoch=1, epochs=3) == expected[1:3]
    # What it was trained on already does not come again.
    assert losses(late, X, initial_epoch=1, epochs=2) == expected[3:]


def small_autoencoder():
    keras.utils.set_random_seed(0)
    return Autoencoder((8, 8), 3, hidden_units=(6,), noise=0.2, seed=0)


BUILD = {
    "simclr": lambda: small_model(SimCLR),
    "gan": small_gan,
    "autoencoder": small_autoencoder,
}


@pytest.mark.parametrize("name", BUILD)
def test_files_of_models_and_of_weights_hold_the_number_of_epochs(name, tmp_path):
    model, fresh = BUILD[name](), BUILD[name]()
    model.compile(run_eagerly=True)
    at_end = keras.callbacks.ModelCheckpoint(tmp_path / "at_end.keras")
    model.fit(X, batch_size=8, epochs=2, verbose=0, callbacks=[at_end])
    assert model.epochs_trained == 2 and fresh.epochs_trained == 0
    model.save_weights(tmp_path / "w.weights.h5")
    fresh.load_weights(tmp_path / "w.weights.h5")
    loaded = load_model(tmp_path / "at_end.keras")
    assert fresh.epochs_trained == loaded.epochs_trained == 2


def test_a_loaded_model_sees_the_views_that_come_next(tmp_path):
    model = small_simclr()
    losses(model, X)
    model.save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras", compile=True)
    np.testing.assert_allclose(losses(loaded, X), losses(model, X), rtol=1e-4)


@pytest.mark.slow
def test_a_gan_has_another_order_in_each_epoch_of_a_dataset():
    data, weights = ImageDataset.from_arrays(IMAGES, LABELS), []
    for epochs in ([2], [1, 1]):
        gan = small_gan()
        for count in epochs:
            gan.fit(data, batch_size=8, epochs=count, verbose=0)
        weights.append(gan.get_weights())
    for a, b in zip(*weights, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", ["simclr", pytest.param("autoencoder", marks=pytest.mark.slow)])
def test_epochs_of_the_own_pipeline_go_on(name):
    model, other = BUILD[name](), BUILD[name]()
    how = {"epochs": 1, "batch_size": 8, "augment": "digits", "optimizer": "sgd", "lr": 1e-9}
    seen = [fit_without_labels(model, X, verbose=0, **how).history["loss"][0] for _ in range(2)]
    at_once = fit_without_labels(other, X, verbose=0, **how | {"epochs": 2})
    assert abs(seen[0] - seen[1]) > 1e-3 * seen[0]  # at this rate by the views alone
    np.testing.assert_allclose(seen, at_once.history["loss"], rtol=1e-5)
