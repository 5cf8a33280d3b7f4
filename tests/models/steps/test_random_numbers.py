"""Fast random numbers have the correct distribution."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tl_keras.models.steps.random_numbers import draw_binary, next_seed, random_integers

SEED = tf.constant([3, 4])


@pytest.mark.parametrize(("dtype", "levels"), [(tf.uint8, 256), (tf.uint16, 2**16)])
def test_integers_are_uniform_over_their_type(dtype, levels):
    drawn = random_integers((501, 401), SEED, dtype)
    assert drawn.shape == (501, 401) and drawn.dtype == dtype
    counts = np.bincount(drawn.numpy().ravel().astype(int) * 16 // levels, minlength=16)
    np.testing.assert_allclose(counts, 501 * 401 / 16, rtol=0.05)


def test_binary_pixels_have_the_mean_that_their_grey_says():
    grey = np.array([0, 1, 64, 127.5, 254, 255], "float32")
    drawn = draw_binary(tf.constant(np.tile(grey, (400_000, 1))), SEED).numpy()
    assert set(np.unique(drawn)) == {0, 1}
    means = drawn.mean(0)
    assert means[0] == 0 and means[-1] == 1
    errors = np.sqrt(grey / 255 * (1 - grey / 255) / 400_000)
    assert (np.abs(means - grey / 255) <= 4 * errors).all()
    # Bytes alone would give 1/256 and 254/256, off by 0.004.
    np.testing.assert_allclose(means[[1, 4]], grey[[1, 4]] / 255, atol=5e-4)


def test_binary_pixels_of_an_image_are_all_but_independent():
    drawn = draw_binary(tf.fill((100_000, 2), 100.0), SEED).numpy()
    assert abs(np.corrcoef(drawn.T)[0, 1]) < 0.015


def test_seeds_of_successive_steps_differ_and_follow_the_generator():
    first, second = (keras.random.SeedGenerator(7) for _ in range(2))
    seeds = [tuple(next_seed(first).numpy()) for _ in range(3)]
    assert len(set(seeds)) == 3
    assert seeds == [tuple(next_seed(second).numpy()) for _ in range(3)]
