"""A user's own encoder and decoder: training mode in `fit`, inference mode everywhere else."""

import keras
import numpy as np
import pytest

from tests.models.images import blobs
from tl_keras import VAE, Autoencoder, build_small_resnet

KINDS = {
    "autoencoder": lambda **networks: Autoencoder((8, 8), 3, seed=0, **networks),
    "vae": lambda **networks: VAE((8, 8), 3, likelihood="bernoulli", seed=0, **networks),
}
each_kind = pytest.mark.parametrize("kind", KINDS)


def small_encoder(layer):
    """(b, 8, 8, 1) -> (b, 16): pixels averaged in fours, then `layer` in a nested model."""
    inner = keras.Sequential([keras.Input((16,)), layer], name="inner")
    image = keras.Input((8, 8, 1))
    x = keras.layers.Rescaling(1 / 255.0)(image)
    x = keras.layers.Flatten()(keras.layers.AveragePooling2D(2)(x))
    return keras.Model(image, inner(x))


def small_decoder(layer):
    latent = keras.Input((3,))
    x = layer(keras.layers.Dense(6)(latent))
    return keras.Model(latent, keras.layers.Reshape((8, 8, 1))(keras.layers.Dense(64)(x)))


def compiled(kind, make_layer, optimizer="adam"):
    keras.utils.set_random_seed(0)
    networks = {"encoder": small_encoder(make_layer()), "decoder": small_decoder(make_layer())}
    model = KINDS[kind](**networks)
    model.compile(optimizer, run_eagerly=True)  # a few steps are quicker so than traced
    return model


def moving(model):
    return [w.numpy() for w in model.non_trainable_variables if "moving" in w.path]


def follow_at_once():
    return keras.layers.BatchNormalization(momentum=0.0)


@each_kind
def test_batch_normalisation_learns_its_statistics_in_fit(kind):
    model, x = compiled(kind, follow_at_once, keras.optimizers.SGD(0.0)), blobs(32)
    model.fit(x, batch_size=32, verbose=0)
    pooled = (x / 255.0).reshape(32, 4, 2, 4, 2).mean((2, 4)).reshape(32, 16)
    mean, variance, of_decoder, _ = moving(model)
    np.testing.assert_allclose(mean, pooled.mean(0), atol=1e-5)
    np.testing.assert_allclose(variance, pooled.var(0), atol=1e-5)
    assert np.abs(of_decoder).min() > 0


@each_kind
def test_nothing_but_fit_moves_the_statistics(kind):
    model, x = compiled(kind, follow_at_once), blobs(16)
    model.fit(x, batch_size=8, verbose=0)
    before = moving(model)
    model.evaluate(x, verbose=0)
    model.predict(x, verbose=0)
    codes = model.encode(x)
    model.decode(codes)
    model.reconstruct(x)
    model.reconstruction_error(x)
    if kind == "vae":
        model.sample(4)
        model.interpolate(x[0], x[1], 3)
        model.log_likelihood(x, 4)
    for first, now in zip(before, moving(model), strict=True):
        np.testing.assert_array_equal(first, now)
    np.testing.assert_allclose(model.encode(x[:2]), codes[:2], atol=1e-6)  # whatever the batch


@each_kind
def test_dropout_acts_in_training_alone(kind):
    model, x = compiled(kind, lambda: keras.layers.Dropout(0.5)), blobs(16)
    kept = [np.asarray(model(x, training=True)) for _ in range(2)]
    assert np.abs(kept[0] - kept[1]).max() > 1e-3
    plain = np.asarray(model(x, training=False))
    np.testing.assert_array_equal(plain, model.predict(x, verbose=0))
    np.testing.assert_allclose(plain, model.reconstruct(x), atol=1e-4)
    np.testing.assert_array_equal(model.encode(x), model.encode(x))
    if kind == "autoencoder":
        pixels = model._as_batch(x)
        loud = [np.asarray(model.losses_of(pixels, training=True)["loss"]) for _ in range(2)]
        quiet = [np.asarray(model.losses_of(pixels, training=False)["loss"]) for _ in range(2)]
        assert np.abs(loud[0] - loud[1]).max() > 0
        np.testing.assert_array_equal(*quiet)
        np.testing.assert_allclose(quiet[0], model.reconstruction_error(x), atol=1e-6)


@pytest.mark.slow
def test_a_small_residual_network_trains_as_the_encoder_of_a_vae():
    keras.utils.set_random_seed(0)
    encoder = build_small_resnet(16, width=2)
    model = VAE((16, 16, 3), 4, likelihood="bernoulli", encoder=encoder, hidden_units=(8,), seed=0)
    model.compile(keras.optimizers.Adam(0.01))
    losses = model.fit(blobs(64, 16, 3), batch_size=16, epochs=8, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]
    held_out = model.evaluate(blobs(64, 16, 3, seed=1), verbose=0, return_dict=True)["loss"]
    assert held_out < 0.5 * losses[0]
    statistics = moving(model)
    assert len(statistics) == 24 and all(np.ptp(values) > 0 for values in statistics)
