"""The moving average of weights against a plain loop."""

import keras
import numpy as np

from tl_keras.models.gan.weight_average import average_of, update_average, warm_decay


def model_with_statistics():
    return keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(2), keras.layers.BatchNormalization()]
    )


def test_average_equals_a_loop_moving_statistics_included():
    model = model_with_statistics()
    average = average_of(model, "average")
    expected = [weight.astype("float64") for weight in model.get_weights()]
    rng = np.random.default_rng(0)
    for step in range(20):
        model.set_weights([rng.normal(size=weight.shape) for weight in model.get_weights()])
        decay = warm_decay(0.6, step)
        update_average(average, model, decay)
        plain = min(0.6, (1 + step) / (10 + step))
        np.testing.assert_allclose(decay, plain, rtol=1e-6)
        expected = [
            plain * mean + (1 - plain) * weight
            for mean, weight in zip(expected, model.get_weights(), strict=True)
        ]
    for mean, wanted in zip(average.get_weights(), expected, strict=True):
        np.testing.assert_allclose(mean, wanted, atol=1e-5)


def test_average_starts_at_the_weights_and_does_not_train():
    model = model_with_statistics()
    average = average_of(model, "average")
    for mean, weight in zip(average.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(mean, weight)
    assert not average.trainable_weights
    assert model.trainable_weights
