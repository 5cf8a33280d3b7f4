"""The variational autoencoder against plain references."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.check_model import check_model
from tests.models.backbone_check import check_trains_as_backbone
from tests.models.images import blobs, noisy
from tl_keras import VAE, load_model
from tl_keras.checks import InputError
from tl_keras.models.latent import vae

LOG_2PI = math.log(2 * math.pi)


class FixedNoise(VAE):
    """A VAE whose eps is given."""

    eps = None  # (samples, b, latent_dim)

    def _normal(self, shape, seed):
        return tf.constant(self.eps, tf.float32)


def _small(kind=VAE, **arguments):
    keras.utils.set_random_seed(0)
    defaults = {"hidden_units": (8,), "likelihood": "bernoulli", "seed": 0}
    return kind((8, 8), 3, **{**defaults, **arguments})


def _pixels(x):
    return tf.constant(x, tf.float32)[..., None]


def _plain_losses(model, x, eps):
    """log p(x | z), log p(z), log q(z | x), each (samples, b), and KL (b, d), in float64."""
    images = x.reshape(len(x), -1) / 255.0
    outputs = model._heads(_pixels(x))
    mean, log_var = (np.asarray(output, np.float64) for output in outputs)
    z = mean + np.exp(log_var / 2) * eps
    flat = z.reshape(-1, model.latent_dim).astype("float32")
    logits = np.asarray(model.decoder(flat), np.float64).reshape(*z.shape[:2], -1)
    p = 1 / (1 + np.exp(-logits))
    log_prob = (images * np.log(p) + (1 - images) * np.log(1 - p)).sum(-1)
    log_prior = -0.5 * (z**2 + LOG_2PI).sum(-1)
    log_q = -0.5 * ((z - mean) ** 2 / np.exp(log_var) + log_var + LOG_2PI).sum(-1)
    kl = 0.5 * (np.exp(log_var) + mean**2 - 1 - log_var)
    return log_prob, log_prior, log_q, kl


@pytest.mark.parametrize(
    "arguments",
    [
        {"likelihood": "bernoulli", "binarize": True, "hidden_units": (8,)},
        {"likelihood": "gaussian", "hidden_units": (8,), "activation": "tanh"},
        {"likelihood": "bernoulli", "architecture": "conv", "filters": (4,), "free_bits": 0.1},
        {"likelihood": "bernoulli", "hidden_units": (8,), "objective": "iwae", "k": 3},
    ],
    ids=["dense", "gaussian", "conv", "iwae"],
)
def test_a_model_learns_saves_and_goes_on(arguments):
    eagerly = {"run_eagerly": True}  # a step is quicker so than traced
    check_model(lambda: VAE((8, 8), 3, **arguments), blobs(8), None, compile_args=eagerly)


def test_the_network_is_784_200_200_50_with_a_head_for_each_of_mean_and_variance():
    model = VAE((28, 28))
    kernels = [tuple(weight.shape) for weight in model.trainable_weights if weight.ndim == 2]
    to_code = [(784, 200), (200, 200), (200, 50), (200, 50)]
    assert sorted(kernels) == sorted([*to_code, (50, 200), (200, 200), (200, 784)])
    heads = [model._heads.get_layer(name).kernel for name in ("mean", "log_var")]
    assert not np.array_equal(*heads)


@pytest.mark.parametrize(("beta", "free_bits"), [(1.0, 0.0), (4.0, 0.0), (0.5, 0.2)])
def test_loss_equals_a_plain_one_in_float64(beta, free_bits):
    x, eps = noisy(6), np.random.default_rng(1).normal(size=(1, 6, 3))
    model = _small(FixedNoise, beta=beta, free_bits=free_bits)
    model.eps = eps
    log_prob, _, _, kl = _plain_losses(model, x, eps)
    if free_bits:
        assert (kl < free_bits).any() and (kl > free_bits).any()
    losses = {k: v.numpy() for k, v in model.losses_of(_pixels(x), training=True).items()}
    expected = -log_prob[0] + beta * np.maximum(kl, free_bits).sum(-1)
    np.testing.assert_allclose(losses["loss"], expected, rtol=1e-5)
    np.testing.assert_allclose(losses["reconstruction_loss"], -log_prob[0], rtol=1e-5)
    np.testing.assert_allclose(losses["kl_loss"], kl.sum(-1), rtol=1e-4)


def test_the_importance_weighted_objective_equals_a_plain_one():
    x, eps = noisy(4), np.random.default_rng(1).normal(size=(7, 4, 3))
    model = _small(FixedNoise, objective="iwae", k=7)
    model.eps = eps
    log_prob, log_prior, log_q, _ = _plain_losses(model, x, eps)
    weights = np.exp((log_prob + log_prior - log_q).astype(np.longdouble))
    losses = model.losses_of(_pixels(x), training=True)
    np.testing.assert_allclose(losses["loss"], -np.log(weights.mean(0)).astype(float), rtol=1e-5)


def test_kl_is_zero_at_the_prior():
    model = _small()
    for name in ("mean", "log_var"):
        head = model._heads.get_layer(name)
        head.set_weights([np.zeros_like(weight) for weight in head.get_weights()])
    losses = model.losses_of(_pixels(noisy()), training=False)
    np.testing.assert_array_equal(losses["kl_loss"], np.zeros(32))


def test_gradient_of_the_sampled_elbo_agrees_with_a_finite_difference():
    x, width = _pixels(noisy(5)), 1e-2
    model = _small(FixedNoise, hidden_units=(4,), activation="tanh")
    model.eps = np.random.default_rng(1).normal(size=(1, 5, 3))
    with tf.GradientTape() as tape:
        loss = model.compute_loss(x)
    variables = model.trainable_variables
    for variable, gradient in zip(variables, tape.gradient(loss, variables), strict=True):
        start = variable.numpy()
        direction = np.random.default_rng(2).normal(size=start.shape)
        losses = []
        for sign in (1, -1):
            variable.assign(start + sign * width * direction)
            losses.append(float(model.compute_loss(x)))
        variable.assign(start)
        difference = (losses[0] - losses[1]) / (2 * width)
        expected = float((gradient.numpy() * direction).sum())
        np.testing.assert_allclose(difference, expected, rtol=2e-2, atol=2e-3)


def test_bound_decreases_in_k_and_lies_below_the_loss_of_the_elbo():
    model, x = _small(binarize=True), blobs(64)
    model.compile(keras.optimizers.Adam(0.01))
    model.fit(x, batch_size=32, epochs=10, verbose=0)
    elbo = np.mean([model.evaluate(x, verbose=0, return_dict=True)["loss"] for _ in range(20)])
    bounds = [-model.log_likelihood(x, k, seed=1).mean() for k in (1, 10, 200)]
    assert elbo > bounds[1] > bounds[2]
    assert bounds[0] > bounds[1]


def test_log_likelihood_in_parts_equals_a_plain_sum_whatever_the_batch(monkeypatch):
    monkeypatch.setattr("tl_keras.models.latent.vae._VALUES_AT_ONCE", 4 * 64 * 8)  # 8 samples of 4
    x, k = noisy(4), 19
    model = _small(FixedNoise)
    model.eps = np.random.default_rng(1).normal(size=(8, 4, 3))
    log_prob, log_prior, log_q, _ = _plain_losses(model, x, model.eps)
    part = log_prob + log_prior - log_q
    log_weights = np.concatenate([part, part, part])[:k]
    expected = np.log(np.exp(log_weights.astype(np.longdouble)).mean(0)).astype(float)
    np.testing.assert_allclose(model.log_likelihood(x, k, batch_size=4), expected, rtol=1e-5)


def test_log_likelihood_is_traced_once_and_follows_the_weights(monkeypatch):
    traced, bound = [], vae.importance_bound
    monkeypatch.setattr(vae, "importance_bound", lambda *how: traced.append(0) or bound(*how))
    model, x = _small(), noisy(4)
    first = model.log_likelihood(x, 3)
    np.testing.assert_array_equal(first, model.log_likelihood(x, 3))
    assert len(traced) == 1
    model.set_weights([weight + 0.1 for weight in model.get_weights()])
    assert np.abs(model.log_likelihood(x, 3) - first).min() > 1e-3
    assert len(traced) == 1
    model.log_likelihood(x, 4)
    assert len(traced) == 2


def test_log_likelihood_of_a_model_without_code_is_exact():
    """If the decoder does not listen to z, every weight is p(x) when q is the prior."""
    model, x = _small(), noisy(10)
    for layer in (model._heads.get_layer("mean"), model._heads.get_layer("log_var")):
        layer.set_weights([np.zeros_like(weight) for weight in layer.get_weights()])
    first = model.decoder.get_layer("dense_1")
    first.set_weights([np.zeros_like(first.get_weights()[0]), np.ones(8)])
    expected = _plain_losses(model, x, np.zeros((1, 10, 3)))[0][0]
    for batch_size in (10, 3):
        bounds = model.log_likelihood(x, 30, batch_size=batch_size)
        np.testing.assert_allclose(bounds, expected, rtol=1e-5)


def test_warm_up_raises_the_weight_of_the_kl_term_in_training_only():
    model, x = _small(FixedNoise, kl_warmup=4, beta=2.0), _pixels(noisy())
    model.eps = np.zeros((1, 32, 3))
    model.compile(keras.optimizers.SGD(0.0))
    weights = []
    for _ in range(5):
        losses = model.losses_of(x, training=True)
        weights.append(
            float(((losses["loss"] - losses["reconstruction_loss"]) / losses["kl_loss"])[0])
        )
        held_out = model.losses_of(x, training=False)
        np.testing.assert_allclose(
            held_out["loss"] - held_out["reconstruction_loss"], 2 * held_out["kl_loss"], rtol=1e-3
        )
        model.fit(x, batch_size=32, verbose=0)
    np.testing.assert_allclose(weights, [0.5, 1.0, 1.5, 2.0, 2.0], rtol=1e-3)


def test_eps_and_pixels_are_drawn_fresh_in_each_step():
    x = _pixels(noisy())
    model, fixed = _small(), _small(FixedNoise, binarize=True)
    fixed.eps = np.zeros((1, 32, 3))
    for each in (model, fixed):
        first, second = (each.losses_of(x, training=True)["loss"].numpy() for _ in range(2))
        assert np.abs(first - second).min() > 0


def test_metrics_are_those_of_training_and_validation():
    model = _small()
    model.compile()
    history = model.fit(blobs(), validation_data=(blobs(seed=1), None), verbose=0).history
    names = {"loss", "reconstruction_loss", "kl_loss"}
    assert set(history) == names | {f"val_{name}" for name in names}
    total = history["val_reconstruction_loss"][0] + history["val_kl_loss"][0]
    np.testing.assert_allclose(history["val_loss"][0], total, rtol=1e-5)


@pytest.mark.parametrize(
    ("images", "chosen"),
    [(blobs(), "bernoulli"), (noisy(), "gaussian"), (blobs(channels=3), "gaussian")],
    ids=["black and white", "grey", "coloured"],
)
def test_the_likelihood_is_chosen_by_the_data_and_saved(images, chosen, tmp_path):
    model = VAE(images.shape[1:], 3, hidden_units=(8,))
    with pytest.raises(InputError, match="likelihood='auto' before fit"):
        model.log_likelihood(images, 2)
    model.compile(run_eagerly=True)
    model.fit(images, verbose=0)
    assert model.likelihood == chosen
    assert (model.log_scale is not None) == (chosen == "gaussian")
    model.save(tmp_path / "vae.keras")
    loaded = load_model(tmp_path / "vae.keras", compile=True)
    assert loaded.likelihood == chosen and not loaded.binarize
    np.testing.assert_allclose(loaded.embed(images), model.embed(images), atol=1e-5)
    expected = model.log_likelihood(images, 5)
    np.testing.assert_allclose(loaded.log_likelihood(images, 5), expected, rtol=1e-4)
    assert int(loaded.optimizer.iterations) == 1
    loaded.fit(images, verbose=0)


@pytest.mark.parametrize("seed", [2**31, 2**40, -1])
def test_any_seed_gives_the_same_likelihood_twice_and_another_than_others(seed):
    model, x = _small(binarize=True), noisy(6)
    first = model.log_likelihood(x, 3, seed=seed, batch_size=3)
    np.testing.assert_array_equal(first, model.log_likelihood(x, 3, seed=seed, batch_size=3))
    assert np.abs(first - model.log_likelihood(x, 3, seed=0, batch_size=3)).min() > 0


@pytest.mark.parametrize("seed", [2**63, 0.5, None])
def test_a_seed_of_more_than_64_bits_is_refused(seed):
    with pytest.raises(InputError, match="seed to be an integer .*received seed"):
        _small().log_likelihood(noisy(2), 2, seed=seed)


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param({}, marks=pytest.mark.slow),
        {"binarize": True, "objective": "iwae", "k": 2},  # draws in more places
    ],
    ids=["plain", "iwae"],
)
def test_validation_does_not_change_what_training_draws(arguments):
    weights = []
    for held_out in (None, (blobs(8, seed=1),)):
        model = _small(**arguments)
        model.compile(run_eagerly=True)
        model.fit(blobs(16), batch_size=8, epochs=2, verbose=0, validation_data=held_out)
        if held_out:
            model.evaluate(blobs(), verbose=0)
        model.fit(blobs(16), batch_size=16, verbose=0)
        weights.append(model.get_weights())
    for without, validated in zip(*weights, strict=True):
        np.testing.assert_array_equal(without, validated)


def test_samples_and_interpolations_are_images():
    model, x = _small(), blobs()
    assert model.sample(5).shape == (5, 8, 8, 1)
    np.testing.assert_array_equal(model.sample(5, seed=1), model.sample(5, seed=1))
    assert np.abs(model.sample(5) - model.sample(5)).max() > 0
    line = model.interpolate(x[0], x[1], 5)
    assert line.shape == (5, 8, 8, 1) and 0 <= line.min() <= line.max() <= 255
    np.testing.assert_allclose(line[[0, -1]], model.reconstruct(x[:2]), atol=1e-3)
    middle = model.decode(model.embed(x[:2]).mean(0, keepdims=True))
    np.testing.assert_allclose(line[2:3], middle, atol=1e-3)


@pytest.mark.slow
def test_a_decoder_of_two_numbers_finds_where_the_square_is():
    keras.utils.set_random_seed(0)
    model, x = VAE((8, 8), 2, hidden_units=(32,), seed=0), blobs(256)
    model.compile(keras.optimizers.Adam(0.01))
    history = model.fit(x, batch_size=32, epochs=20, verbose=0, validation_data=(blobs(seed=1),))
    losses = history.history["val_loss"]
    assert losses[-1] < 0.7 * losses[0] and history.history["val_kl_loss"][-1] > 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"latent_dim": 0}, "latent_dim to be an integer >= 1"),
        ({"beta": -1}, "beta to be a number >= 0"),
        ({"free_bits": -1}, "free_bits to be a number >= 0"),
        ({"kl_warmup": 0.5}, "kl_warmup to be an integer >= 0"),
        ({"k": 0}, "k to be an integer >= 1"),
        ({"objective": "elb"}, "objective to be one of elbo"),
        ({"likelihood": "normal"}, "likelihood to be one of"),
        ({"likelihood": "gaussian", "binarize": True}, "'bernoulli' with binarize=True"),
        ({"objective": "iwae", "free_bits": 1.0}, "no free_bits with objective='iwae'"),
        ({"input_shape": (10, 10), "architecture": "conv"}, "sides 4 divides"),
    ],
)
def test_arguments_that_cannot_be_used_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        VAE(**{"input_shape": (8, 8), "latent_dim": 3, **arguments})


def test_the_means_are_features_for_a_classifier(tmp_path):
    model, x = _small(), blobs()
    model.save(tmp_path / "model.keras")
    rgb = np.repeat(x[..., None], 3, -1)
    np.testing.assert_allclose(model.encoder(rgb), model.embed(x), atol=1e-4)
    for source in (model.encoder, tmp_path):
        check_trains_as_backbone(source, rgb, tmp_path / "classifier.keras")
