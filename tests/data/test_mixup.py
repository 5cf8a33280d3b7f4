"""Mixup against a slow NumPy version, and what its shares depend on."""

import numpy as np
import pytest
import tensorflow as tf

from tl_keras.data.mixup import draw_shares, mix


def _shares(alpha=1.0, *, seed=0, epoch=0, indices=(0, 1, 2, 3, 4, 5)):
    indices = tf.constant(indices, tf.int64)
    return draw_shares(alpha, seed=seed, epoch=epoch, indices=indices).numpy()


@pytest.mark.parametrize("count", [1, 2, 5, 6])
@pytest.mark.parametrize("shape", [(), (3,), (2, 2, 3)])
def test_mix_equals_a_loop_over_pairs(count, shape):
    rng = np.random.default_rng(0)
    examples = rng.normal(size=(count, *shape)).astype(np.float32)
    shares = rng.uniform(0.5, 1, count).astype(np.float32)
    expected = examples.copy()
    for first in range(0, count - 1, 2):
        second = first + 1
        a, b = shares[first], shares[second]
        expected[first] = a * examples[first] + (1 - a) * examples[second]
        expected[second] = b * examples[second] + (1 - b) * examples[first]
    np.testing.assert_allclose(mix(tf.constant(examples), tf.constant(shares)), expected, atol=1e-6)


def test_half_of_a_batch_is_mixed_as_in_the_whole():
    examples, shares = tf.random.normal((8, 3)), tf.constant(_shares(indices=range(8)))
    halves = [mix(examples[part], shares[part]) for part in (slice(4), slice(4, 8))]
    np.testing.assert_array_equal(tf.concat(halves, 0), mix(examples, shares))


def test_shares_depend_on_seed_epoch_and_batch_alone():
    first = _shares()
    np.testing.assert_array_equal(first, _shares())
    for other in ({"seed": 1}, {"epoch": 1}, {"indices": range(1, 7)}):
        assert (first != _shares(**other)).any(), other


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_shares_have_the_mean_of_the_larger_half_of_a_beta_distribution(alpha):
    shares = np.concatenate([_shares(alpha, epoch=e, indices=range(1000)) for e in range(20)])
    assert shares.min() >= 0.5
    assert shares.max() <= 1.0
    draws = np.random.default_rng(0).beta(alpha, alpha, 200_000)
    assert shares.mean() == pytest.approx(np.maximum(draws, 1 - draws).mean(), abs=0.005)
