"""Mixup and CutMix against slow NumPy versions, and the inputs that determine their draws."""

import numpy as np
import pytest
import tensorflow as tf

from tl_keras.data.pipelines.mixing import CELLS, draw_mixing, mix


def _drawn(alpha=1.0, cut=0.0, *, seed=0, epoch=0, indices=(0, 1, 2, 3, 4, 5)):
    indices = tf.constant(indices, tf.int64)
    return draw_mixing(alpha, cut, seed=seed, epoch=epoch, indices=indices).numpy()


def _partner(row, count):
    return min(row ^ 1, count - 1)


@pytest.mark.parametrize("count", [1, 2, 5, 6])
@pytest.mark.parametrize("shape", [(), (3,), (2, 2, 3)])
def test_blending_equals_a_loop_over_pairs(count, shape):
    rng = np.random.default_rng(0)
    examples = rng.normal(size=(count, *shape)).astype(np.float32)
    mixing = np.zeros((count, 5), np.float32)
    mixing[:, 0] = shares = rng.uniform(0.5, 1, count).astype(np.float32)
    expected = [
        shares[row] * examples[row] + (1 - shares[row]) * examples[_partner(row, count)]
        for row in range(count)
    ]
    np.testing.assert_allclose(mix(tf.constant(examples), tf.constant(mixing)), expected, atol=1e-6)


@pytest.mark.parametrize("size", [(7, 7), (14, 7), (6, 5)])
def test_cutting_equals_a_loop_over_cells(size):
    mixing, examples = _drawn(cut=0.5, indices=range(31)), np.random.rand(31, *size, 2)
    examples = examples.astype(np.float32)
    expected = examples.copy()
    for row, (share, top, left, bottom, right) in enumerate(mixing):
        other = examples[_partner(row, 31)]
        if bottom == 0:
            expected[row] = share * examples[row] + (1 - share) * other
        for y, x in np.ndindex(*size):
            middle = (y + 0.5) / size[0], (x + 0.5) / size[1]
            if top <= middle[0] < bottom and left <= middle[1] < right:
                expected[row, y, x] = other[y, x]
    np.testing.assert_allclose(mix(tf.constant(examples), tf.constant(mixing)), expected, atol=1e-6)


def test_labels_are_shared_as_the_cells_are():
    mixing = _drawn(cut=1.0, indices=range(200))
    own = tf.tile(tf.reshape(tf.range(200.0) % 2, (-1, 1, 1, 1)), (1, 2 * CELLS, CELLS, 1))
    labels = tf.one_hot(tf.range(200) % 2, 2)
    part_of_second = tf.reduce_mean(mix(own, mixing), axis=(1, 2, 3))
    np.testing.assert_allclose(mix(labels, mixing)[:, 1], part_of_second, atol=1e-6)
    assert len(np.unique(mixing[:, 0].round(4))) == CELLS + 1, "from nothing to the whole"


@pytest.mark.parametrize("cut", [0.0, 0.3, 1.0])
def test_as_many_examples_are_cut_as_asked(cut):
    mixing = np.concatenate([_drawn(cut=cut, epoch=e, indices=range(1000)) for e in range(5)])
    rectangles = (mixing[:, 3] > mixing[:, 1]).mean()
    empty = 0.0051  # side 0: the share is above 1 - (0.5 / 7) ** 2
    assert rectangles == pytest.approx(cut * (1 - empty), abs=0.02)
    assert mixing[:, 1:].min() >= 0
    assert mixing[:, 1:].max() <= 1


def test_half_of_a_batch_is_mixed_as_in_the_whole():
    examples, mixing = (
        tf.random.normal((8, 7, 7, 3)),
        tf.constant(_drawn(cut=0.5, indices=range(8))),
    )
    halves = [mix(examples[part], mixing[part]) for part in (slice(4), slice(4, 8))]
    np.testing.assert_array_equal(tf.concat(halves, 0), mix(examples, mixing))


@pytest.mark.parametrize("count", [1, 2, 5, 6, 7, 10, 11])
@pytest.mark.parametrize("replicas", [2, 3, 4])
def test_parts_of_any_size_are_mixed_as_in_the_whole(count, replicas):
    examples, mixing = tf.random.normal((count, 7, 7, 3)), _drawn(cut=0.5, indices=range(count))
    share = -(-count // replicas)
    parts = [slice(start, start + share) for start in range(0, count, share)]
    alone = [mix(examples[part], tf.constant(mixing[part])) for part in parts]
    np.testing.assert_array_equal(tf.concat(alone, 0), mix(examples, mixing, replicas))


def test_draws_depend_on_seed_epoch_and_batch_alone():
    first = _drawn(cut=0.5)
    np.testing.assert_array_equal(first, _drawn(cut=0.5))
    for other in ({"seed": 1}, {"epoch": 1}, {"indices": range(1, 7)}):
        assert (first != _drawn(cut=0.5, **other)).any(), other


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_shares_have_the_mean_of_the_larger_half_of_a_beta_distribution(alpha):
    shares = np.concatenate([_drawn(alpha, epoch=e, indices=range(1000))[:, 0] for e in range(20)])
    assert shares.min() >= 0.5
    assert shares.max() <= 1.0
    draws = np.random.default_rng(0).beta(alpha, alpha, 200_000)
    assert shares.mean() == pytest.approx(np.maximum(draws, 1 - draws).mean(), abs=0.005)
