"""The range test suggests a rate that works, and leaves no trace."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training.small_models import coloured_images, small_classifier
from tl_keras import InputError, fine_tune, lr_find, unfreeze
from tl_keras.training.lr_find import RangeTest, rising_rate, sweep

TRAIN = coloured_images(30)
QUICK = {"batch_size": 8, "augment": "none", "unfreeze": "from:high_conv"}


def quadratic():
    """A least-squares problem: inputs (32, 4), targets (32, 1), and its highest curvature."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(32, 4)) * [1.0, 0.8, 0.6, 0.5]
    y = x @ rng.normal(size=(4, 1))
    return x, y, np.linalg.eigvalsh(2 / 32 * x.T @ x).max()


def linear_model(rate):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, kernel_initializer="ones")])
    model.compile(keras.optimizers.SGD(rate), "mse")
    return model


def test_on_a_quadratic_the_suggestion_is_stable_and_near_the_best_constant_rate():
    x, y, curvature = quadratic()
    batches = tf.data.Dataset.from_tensors((x, y)).repeat()
    steps, lowest, highest = 120, 1e-4, 100.0
    losses = sweep(linear_model(rising_rate(lowest, highest, steps)), batches, steps)
    assert len(losses) < steps, "it did not stop where the loss exploded"
    rates = lowest * (highest / lowest) ** (np.arange(len(losses)) / (steps - 1))
    suggestion = RangeTest(rates, np.array(losses)).suggestion

    def loss_after(rate, updates=10):
        weights = np.vstack([np.ones((4, 1)), [[0.0]]])
        with_bias = np.hstack([x, np.ones((32, 1))])
        for _ in range(updates):
            weights -= rate * 2 / 32 * with_bias.T @ (with_bias @ weights - y)
        return np.mean((with_bias @ weights - y) ** 2)

    candidates = np.geomspace(lowest, 2 / curvature, 60)
    best = min(candidates, key=loss_after)
    assert suggestion < 2 / curvature
    assert 0.1 <= suggestion / best <= 10


def test_losses_are_those_of_each_batch_and_rates_rise_by_one_factor():
    x, y, _ = quadratic()
    batches = tf.data.Dataset.from_tensor_slices((x, y)).batch(8).repeat()
    losses = sweep(linear_model(rising_rate(1e-12, 1e-11, 10)), batches, 10)
    by_batch = ((x.sum(1, keepdims=True) - y) ** 2).reshape(4, 8).mean(1)  # all weights are 1
    np.testing.assert_allclose(losses, np.resize(by_batch, 10), rtol=1e-4)
    rate = rising_rate(1e-6, 1.0, 13)
    np.testing.assert_allclose([float(rate(s)) for s in (0, 6, 12)], [1e-6, 1e-3, 1], rtol=1e-4)


def test_smoothed_is_the_bias_corrected_moving_mean():
    smoothed = RangeTest(np.ones(3), np.array([2.0, 4.0, 1.0])).smoothed
    second = (0.9 * 0.1 * 2 + 0.1 * 4) / (1 - 0.81)
    third = (0.81 * 0.1 * 2 + 0.9 * 0.1 * 4 + 0.1 * 1) / (1 - 0.729)
    np.testing.assert_allclose(smoothed, [2.0, second, third])


def test_a_lucky_first_batch_is_not_taken_for_the_lowest_loss():
    losses = np.r_[0.1, np.ones(49), np.linspace(1, 0.5, 30), np.linspace(0.5, 3, 20)]
    rates = np.geomspace(1e-6, 1, 100)
    assert rates[70] < 10 * RangeTest(rates, losses).suggestion < rates[90]


def test_a_loss_that_never_falls_gives_no_suggestion():
    assert RangeTest(np.array([0.1, 0.2]), np.array([1.0, 2.0])).suggestion is None


@pytest.mark.parametrize("cache", ["memory", pytest.param("none", marks=pytest.mark.slow)])
def test_the_model_is_left_exactly_as_it_was(cache):
    model = unfreeze(small_classifier(), last=3)
    before = [variable.numpy() for variable in model.variables]
    trainable = [layer.trainable for layer in model._flatten_layers()]
    found = lr_find(model, TRAIN, steps=12, highest=100.0, cache=cache, **QUICK)
    assert len(found.rates) == len(found.losses) == len(found.smoothed) <= 12
    for old, variable in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(old, variable)
    assert [layer.trainable for layer in model._flatten_layers()] == trainable


def test_fine_tuning_after_it_is_as_if_it_had_not_been():
    def kernel(find):
        model = small_classifier()
        if find:
            lr_find(model, TRAIN, steps=10, **QUICK)
        fine_tune(model, TRAIN, freeze_epochs=0, epochs=1, **QUICK)
        return model.get_layer("predictions").kernel.numpy()

    np.testing.assert_array_equal(kernel(True), kernel(False))


def test_cached_and_uncached_tests_see_the_same_losses():
    cached, plain = (
        lr_find(small_classifier(), TRAIN, steps=10, cache=cache, **QUICK).losses
        for cache in ("memory", "none")
    )
    np.testing.assert_allclose(cached, plain, rtol=1e-4)


@pytest.mark.slow
def test_the_suggested_rate_trains():
    model = small_classifier()
    rate = lr_find(model, TRAIN, **QUICK).suggestion
    fine_tune(model, TRAIN, lr=rate, freeze_epochs=5, epochs=15, patience=None, **QUICK)
    assert model.evaluate(*TRAIN, verbose=0, return_dict=True)["accuracy"] > 0.8


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lr": 0.1}, "an option of lr_find; received lr"),
        ({"lowest": 0}, "lowest to be a number > 0; received lowest=0"),
        ({"lowest": 0.1, "highest": 0.1}, "highest to be a number > 0.1; received highest=0.1"),
        ({"steps": 9}, "steps to be an integer >= 10; received steps=9"),
        ({"optimizer": "adma"}, "optimizer to be one of adam"),
    ],
)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        lr_find(small_classifier(), TRAIN, **settings)
