"""Training on images alone, on the project's pipeline."""

import keras
import numpy as np
import pytest

from tests.models.images import blobs
from tl_keras import VAE, Autoencoder, ImageDataset, fit_without_labels, load_model
from tl_keras.checks import DivergedError, InputError
from tl_keras.data.pipelines.batches import build_pipeline


def _coder():
    keras.utils.set_random_seed(0)
    return Autoencoder((8, 8), 3, hidden_units=(8,))


@pytest.mark.parametrize("count", [64, 8 * 40], ids=["8 steps an epoch", "40 steps"])
def test_weights_equal_those_of_plain_fit_on_the_same_batches(count):
    x = blobs(count)
    ours, plain = _coder(), _coder()
    settings = {"epochs": 2, "batch_size": 8, "schedule": "constant", "lr": 0.01}
    history = fit_without_labels(ours, x, x[:20], **settings)
    plain.compile(keras.optimizers.Adam(0.01))
    batches = build_pipeline(
        ImageDataset.from_arrays(x), 8, image_size=(8, 8), channels=1, training=True
    )
    # Keras's own, which does not look at a batch first: the order goes by the epoch.
    expected = keras.Model.fit(plain, batches, epochs=2, shuffle=False, verbose=0)
    for a, b in zip(ours.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    np.testing.assert_allclose(history.history["loss"], expected.history["loss"], rtol=1e-4)
    np.testing.assert_allclose(
        history.history["val_loss"][-1], ours.reconstruction_error(x[:20]).mean(), rtol=1e-4
    )
    assert history.epoch == [0, 1] and history.seconds["total"] > 0


def test_labels_colour_and_size_of_the_source_do_not_matter():
    model = VAE((8, 8), 3, hidden_units=(8,))
    data = ImageDataset.from_arrays(blobs(40, 16, channels=3), np.arange(40) % 3)
    history = fit_without_labels(model, data, data, epochs=1, batch_size=16)
    assert model.likelihood == "bernoulli"
    assert {"val_kl_loss", "val_loss", "loss"} <= set(history.history)


def test_a_trained_model_is_saved_and_goes_on(tmp_path):
    model = VAE((8, 8), 3, hidden_units=(8,), likelihood="bernoulli", binarize=True)
    first = fit_without_labels(model, blobs(256), epochs=3, batch_size=32, lr=0.01)
    model.save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras", compile=True)
    np.testing.assert_allclose(loaded.embed(blobs()), model.embed(blobs()), atol=1e-5)
    loaded.fit(blobs(), verbose=0)
    more = fit_without_labels(loaded, blobs(256), epochs=3, batch_size=32, lr=0.01)
    assert more.history["loss"][-1] < first.history["loss"][0]


def test_a_rate_that_is_too_high_stops_and_keeps_good_weights():
    model = _coder()
    before = model.get_weights()
    model.decoder.get_layer("logits").kernel.assign(np.full((8, 64), np.nan))
    with pytest.raises(DivergedError, match="received loss=nan in batch(es)? .* of epoch 1"):
        fit_without_labels(model, blobs(64), epochs=2, batch_size=8)
    np.testing.assert_array_equal(before[0], model.get_weights()[0])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": -1}, "epochs to be an integer >= 0"),
        ({"lr": 0}, "lr to be a number > 0"),
        ({"epsilon": 0}, "epsilon to be a number > 0"),
        ({"schedule": "step"}, "schedule to be one of"),
        ({"train": np.full((4, 8, 8), 0.5)}, "from 0 to 255"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        fit_without_labels(_coder(), **{"train": blobs(), **settings})
