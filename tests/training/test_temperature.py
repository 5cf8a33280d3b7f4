"""Temperatures."""

import keras
import numpy as np
import pytest

from tl_keras.training.temperature import (
    fit_temperature,
    fold_temperature,
    tempered,
    tempered_losses,
)


def drawn(n, temperature, seed=0):
    """Probabilities (1, n, 4) that are too sure by a temperature, and labels drawn without it."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(0, 1.5, (n, 4))
    powers = np.exp(logits)
    honest = powers / powers.sum(axis=1, keepdims=True)
    labels = (honest.cumsum(axis=1) > generator.random((n, 1))).argmax(axis=1)
    return tempered(honest[None], 1 / temperature)[None], labels


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_by_which_probabilities_are_off_is_found(temperature):
    assert fit_temperature(*drawn(20_000, temperature)) == pytest.approx(temperature, rel=0.05)


def test_ten_images_that_are_all_right_do_not_make_the_model_certain():
    sure = np.tile([[0.9, 0.1]], (10, 1))[None]
    assert 0.3 < fit_temperature(sure, np.zeros(10, int)) < 1
    assert fit_temperature(sure[:, :0], np.zeros(0, int)) == 1


def test_the_loss_is_that_of_the_mean_over_views():
    views, labels = np.array([[[0.8, 0.2]], [[0.4, 0.6]]]), np.array([0])
    expected = -np.log((0.64 / 0.68 + 0.16 / 0.52) / 2)  # p^2 at temperature 1/2
    assert tempered_losses(views, labels, 0.5) == pytest.approx(expected)
    np.testing.assert_allclose(tempered(views, 1.0), views.mean(axis=0))


@pytest.mark.parametrize("activation", ["softmax", None])
def test_the_last_layer_holds_the_temperature(activation):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3, activation)])
    x = np.random.default_rng(0).normal(size=(7, 5)).astype("float32")
    before = model.predict(x, verbose=0)
    fold_temperature(model, 2.0)
    after = model.predict(x, verbose=0)
    expected = tempered(before[None], 2.0) if activation else before / 2
    np.testing.assert_allclose(after, expected, rtol=1e-5)
