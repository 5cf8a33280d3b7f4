"""Half precision: the same losses to its accuracy, float32 outside, training and files."""

import keras
import numpy as np
import pytest

from tests.models.images import blobs
from tl_keras import GAN, VAE, Autoencoder, InputError, load_model

SMALL = {"input_shape": (8, 8), "latent_dim": 3, "seed": 0}
BUILD = {
    "autoencoder": lambda **k: Autoencoder(**SMALL, architecture="conv", filters=(4,), **k),
    "vae": lambda **k: VAE(**SMALL, hidden_units=(6,), likelihood="bernoulli", **k),
    "gaussian": lambda **k: VAE(**SMALL, hidden_units=(6,), likelihood="gaussian", **k),
    "gan": lambda **k: GAN(**SMALL, width=4, **k),
    "conditional": lambda **k: GAN(**SMALL, width=4, num_classes=2, **k),
    "wgan-gp": lambda **k: GAN(**SMALL, width=4, loss="wgan-gp", discriminator_steps=2, **k),
}
MIXED = [
    pytest.param("autoencoder", "mixed_float16", marks=pytest.mark.slow),
    ("gaussian", "mixed_float16"),
    pytest.param("conditional", "mixed_float16", marks=pytest.mark.slow),
    pytest.param("wgan-gp", "mixed_float16", marks=pytest.mark.slow),
    ("vae", "mixed_bfloat16"),
    pytest.param("gan", "mixed_bfloat16", marks=pytest.mark.slow),
]
X, Y = blobs(16), np.arange(16) % 2


def built(name, policy, optimizer="adam", *, run_eagerly=True):
    keras.utils.set_random_seed(0)
    model = BUILD[name](dtype=policy)
    model.compile(optimizer, run_eagerly=run_eagerly)  # quicker than tracing for a few steps
    return model


def losses(model):
    return model.evaluate(X, Y, batch_size=16, verbose=0, return_dict=True)


@pytest.mark.parametrize(("name", "policy"), MIXED)
def test_it_computes_in_half_and_judges_and_trains_in_float32(name, policy, tmp_path):
    model, plain = built(name, policy), built(name, "float32")
    half = model.dtype_policy.compute_dtype
    assert half in {layer.compute_dtype for layer in model._flatten_layers()}
    assert keras.config.dtype_policy().name == "float32"
    assert {weight.dtype for weight in model.weights} == {"float32"}
    expected = losses(plain)
    for metric, value in losses(model).items():
        np.testing.assert_allclose(value, expected[metric], rtol=0.05, atol=0.02, err_msg=metric)

    before = [weight.numpy() for weight in model.trainable_weights]
    # The first steps in float16 may do no more than lower the scale of the loss.
    history = model.fit(X, Y, batch_size=8, epochs=4, shuffle=False, verbose=0).history
    assert all(np.isfinite(series).all() for series in history.values())
    assert all(np.isfinite(weight).all() for weight in model.weights)
    moved = [(b != a.numpy()).any() for b, a in zip(before, model.trainable_weights, strict=True)]
    assert sum(moved) >= len(moved) - 1  # no critic's bias matters
    model.save(tmp_path / "half.keras")
    loaded = load_model(tmp_path / "half.keras", compile=True)
    loaded.run_eagerly = True
    assert loaded.dtype_policy.name == model.dtype_policy.name
    made = outputs(loaded)
    for what, shown in outputs(model).items():
        assert shown.dtype in ("float32", "uint8"), what
        np.testing.assert_array_equal(shown, made[what], err_msg=what)
    for each in (model, loaded):
        each.fit(X, Y, batch_size=16, shuffle=False, verbose=0)
    for mine, its in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_allclose(mine, its, atol=1e-5)


def outputs(model):
    conditional = getattr(model, "num_classes", None)
    made = {"call": np.asarray(model((X, np.eye(2)[Y]) if conditional else X))}
    if hasattr(model, "sample"):
        made["sample"] = model.sample(3, seed=0)
    if hasattr(model, "encode"):
        rgb = np.repeat(X[..., None], 3, axis=-1).astype("float32")
        made |= {"encode": model.encode(X), "reconstruct": model.reconstruct(X)}
        made["encoder"] = np.asarray(model.encoder(rgb))
    return made


@pytest.mark.parametrize("name", ["autoencoder", "vae", "gan", "wgan-gp"])
def test_both_networks_take_steps_as_large_as_in_float32(name):
    """With plain gradient descent a loss scale that is not taken off again would show."""
    steps = []
    for policy in ("float32", "mixed_float16"):
        model = built(name, policy, keras.optimizers.SGD(1e-3), run_eagerly=name != "gan")
        optimizers = [model.optimizer, getattr(model, "discriminator_optimizer", model.optimizer)]
        half = policy == "mixed_float16"
        kinds = [isinstance(one, keras.optimizers.LossScaleOptimizer) for one in optimizers]
        assert kinds == [half, half]
        before = [weight.numpy() for weight in model.trainable_weights]
        while int(model.optimizer.iterations) < 1:  # steps with infinite gradients are left out
            model.fit(X, Y, batch_size=16, shuffle=False, verbose=0)
        after = model.trainable_weights
        steps.append([a.numpy() - b for a, b in zip(after, before, strict=True)])
    for plain, half in zip(*steps, strict=True):
        assert np.linalg.norm(half - plain) <= 0.1 * np.linalg.norm(plain) + 1e-7


def test_a_global_policy_counts_and_is_left_as_it_was():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = BUILD["vae"]()
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.decoder.layers[1].compute_dtype == "bfloat16"
    assert model.embed(X).dtype == np.float32


@pytest.mark.parametrize("name", ["autoencoder", "vae", "gan"])
def test_weights_in_half_precision_are_refused(name):
    with pytest.raises(InputError, match="Expected dtype to be one of float32.*'float16'"):
        BUILD[name](dtype="float16")
