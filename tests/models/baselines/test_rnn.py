"""Recurrent networks: rows are steps, in order, and each step sees only what came before."""

import keras
import numpy as np
import pytest

from tests.check_model import check_model
from tl_keras import RNN

IMAGES = np.random.default_rng(0).integers(0, 256, (4, 6, 5, 3), dtype=np.uint8)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_outputs_equal_a_plain_numpy_lstm_over_the_rows():
    keras.utils.set_random_seed(0)
    model = RNN(3, units=4, classifier_activation=None)
    outputs = model(IMAGES).numpy()

    kernel, recurrent, bias, out_kernel, out_bias = model.get_weights()
    h = c = np.zeros((4, 4))
    for row in range(6):
        x = IMAGES[:, row].reshape(4, 15) / 255
        i, f, g, o = np.split(x @ kernel + h @ recurrent + bias, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
    np.testing.assert_allclose(outputs, h @ out_kernel + out_bias, atol=1e-5)


def test_the_forget_gate_starts_open():
    model = RNN(3, units=4)
    model.build((None, 6, 5))
    np.testing.assert_array_equal(model.get_layer("lstm").cell.bias[4:8], np.ones(4))


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_the_last_step_of_a_sequence_is_the_output_of_the_whole(cell):
    keras.utils.set_random_seed(0)
    whole, steps = RNN(3, cell, units=4), RNN(3, cell, units=4, return_sequences=True)
    outputs = whole(IMAGES)
    steps.build((None, 6, 5, 3))
    steps.set_weights(whole.get_weights())
    assert steps.output_shape == (None, 6, 3)
    np.testing.assert_allclose(steps(IMAGES)[:, -1], outputs, atol=1e-6)


def test_a_step_does_not_see_the_rows_below():
    model = RNN(3, units=4, return_sequences=True)
    changed = IMAGES.copy()
    changed[:, 3:] = 0
    np.testing.assert_allclose(model(IMAGES)[:, :3], model(changed)[:, :3], atol=1e-6)
    assert np.abs(model(IMAGES)[:, 3:] - model(changed)[:, 3:]).max() > 1e-4


def test_outputs_per_step_train_on_a_label_per_step():
    labels = np.arange(24).reshape(4, 6) % 3
    check_model(lambda: RNN(3, units=4, return_sequences=True), IMAGES, labels, probabilities=True)


def test_a_plain_sequence_is_taken_as_it_is_with_scale_one():
    keras.utils.set_random_seed(0)
    sequence = np.random.default_rng(0).normal(size=(4, 6, 5)).astype("float32")
    plain = RNN(3, units=4, scale=1.0)
    pixels = RNN(3, units=4)
    outputs = plain(sequence)
    pixels.build((None, 6, 5))
    pixels.set_weights(plain.get_weights())
    np.testing.assert_allclose(pixels(sequence * 255), outputs, atol=1e-5)
    assert RNN.from_config(plain.get_config()).scale == 1.0
