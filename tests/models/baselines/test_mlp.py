"""The multilayer perceptron against a plain NumPy one."""

import keras
import numpy as np

from tl_keras import MLP


def test_outputs_equal_a_plain_numpy_perceptron():
    keras.utils.set_random_seed(0)
    images = np.random.default_rng(0).integers(0, 256, (5, 4, 3), dtype=np.uint8)
    model = MLP(3, hidden_units=(7, 6), dropout=0.5)
    outputs = model(images).numpy()

    w1, b1, w2, b2, w3, b3 = model.get_weights()
    hidden = np.maximum(images.reshape(5, 12) / 255 @ w1 + b1, 0)
    logits = np.maximum(hidden @ w2 + b2, 0) @ w3 + b3
    exponents = np.exp(logits - logits.max(1, keepdims=True))
    np.testing.assert_allclose(outputs, exponents / exponents.sum(1, keepdims=True), atol=1e-6)


def test_no_hidden_layer_is_logistic_regression():
    model = MLP(3, hidden_units=())
    model.build((None, 4, 4))
    assert [weight.shape for weight in model.weights] == [(16, 3), (3,)]


def test_dropout_acts_in_training_only():
    keras.utils.set_random_seed(0)
    images = np.full((2, 4, 4), 200, np.uint8)
    model = MLP(3, hidden_units=(64,), dropout=0.5)
    np.testing.assert_array_equal(model(images), model(images, training=False))
    first, second = (model(images, training=True).numpy() for _ in range(2))
    assert np.abs(first - second).max() > 1e-3
