"""Cheap dropout: as many dropped as asked, unbiased, and the same for the same seed."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tl_keras.models.baselines.dropout import ByteDropout

ONES = np.ones((400, 251), "float32")  # 100,400 values: not a multiple of four in a row


@pytest.mark.parametrize("rate", [0.1, 0.25, 0.5, 0.9, 0.001, 0.999])
def test_the_rate_is_met_to_a_256th_and_the_mean_is_kept(rate):
    rounded = np.clip(round(rate * 256), 1, 255) / 256
    outputs = ByteDropout(rate, seed=1)(ONES, training=True).numpy()
    deviation = np.sqrt(rounded * (1 - rounded) / ONES.size)
    assert np.mean(outputs == 0) == pytest.approx(rounded, abs=4 * deviation)
    np.testing.assert_allclose(outputs[outputs > 0], 1 / (1 - rounded), rtol=1e-6)


def test_neighbours_are_dropped_independently():
    kept = ByteDropout(0.5, seed=1)(ONES, training=True).numpy() > 0
    for axis in (0, 1):
        together = np.mean(np.logical_and(kept, np.roll(kept, 1, axis)))
        assert together == pytest.approx(0.25, abs=0.01)


def test_inference_changes_nothing():
    np.testing.assert_array_equal(ByteDropout(0.5)(ONES, training=False), ONES)
    np.testing.assert_array_equal(ByteDropout(0.0)(ONES, training=True), ONES)


def test_every_call_draws_anew_and_a_seed_repeats_the_calls():
    layers = [ByteDropout(0.5, seed=7) for _ in range(2)]
    first, second = ([layer(ONES, training=True).numpy() for _ in range(2)] for layer in layers)
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(*first)


def test_the_gradient_passes_where_the_value_passed():
    layer, x = ByteDropout(0.25, seed=3), tf.constant(ONES)
    with tf.GradientTape() as tape:
        tape.watch(x)
        outputs = layer(x, training=True)
    np.testing.assert_array_equal(tape.gradient(outputs, x), outputs)


def test_half_precision_stays_half_precision():
    layer = ByteDropout(0.5, dtype="mixed_bfloat16")
    assert keras.backend.standardize_dtype(layer(ONES, training=True).dtype) == "bfloat16"
