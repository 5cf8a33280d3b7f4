"""The losses of a GAN against plain NumPy and against closed forms."""

import numpy as np
import pytest
import tensorflow as tf

from tl_keras.models.gan.losses import (
    critic_loss,
    discriminator_loss,
    generator_loss,
    gradient_penalty,
)

RNG = np.random.default_rng(0)
REAL, FAKE = (RNG.normal(0, 3, (7, 1)).astype("float32") for _ in range(2))


def cross_entropy(logits, label):
    probability = 1 / (1 + np.exp(-logits.astype("float64")))
    return -np.mean(label * np.log(probability) + (1 - label) * np.log(1 - probability))


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.3])
def test_discriminator_loss_is_two_cross_entropies_with_one_label_smoothed(smoothing):
    expected = cross_entropy(REAL, 1 - smoothing) + cross_entropy(FAKE, 0)
    np.testing.assert_allclose(discriminator_loss(REAL, FAKE, smoothing), expected, rtol=1e-5)


def test_generator_loss_is_the_cross_entropy_with_the_label_real():
    np.testing.assert_allclose(generator_loss(FAKE), cross_entropy(FAKE, 1), rtol=1e-5)


def test_losses_at_the_equilibrium_are_multiples_of_log_2():
    nothing = np.zeros((4, 1), "float32")
    np.testing.assert_allclose(discriminator_loss(nothing, nothing), 2 * np.log(2), rtol=1e-6)
    np.testing.assert_allclose(generator_loss(nothing), np.log(2), rtol=1e-6)


def test_losses_of_a_sure_discriminator_stay_finite_and_the_generator_still_learns():
    sure = tf.constant([[-200.0]])
    with tf.GradientTape() as tape:
        tape.watch(sure)
        loss = generator_loss(sure)
    np.testing.assert_allclose(loss, 200.0)
    np.testing.assert_allclose(tape.gradient(loss, sure), [[-1.0]])


def test_critic_loss_is_a_difference_of_means():
    np.testing.assert_allclose(critic_loss(REAL, FAKE), FAKE.mean() - REAL.mean(), rtol=1e-5)


@pytest.mark.parametrize("length", [0.0, 0.5, 1.0, 3.0])
def test_penalty_of_a_linear_critic_is_the_square_of_its_slope_less_one(length):
    slope = RNG.normal(size=(4, 4, 1)).astype("float32")
    slope *= length / np.linalg.norm(slope)
    real, fake = (RNG.normal(size=(5, 4, 4, 1)).astype("float32") for _ in range(2))
    penalty = gradient_penalty(
        lambda x: tf.reduce_sum(x * slope, axis=(1, 2, 3))[:, None], real, fake, np.float32(0.3)
    )
    np.testing.assert_allclose(penalty, (length - 1) ** 2, atol=1e-5)


def test_penalty_is_taken_between_real_and_fake_at_the_mix_of_each():
    # The slope of |x|^2 / 2 is x itself.
    real, fake = (RNG.normal(size=(3, 2, 2, 1)).astype("float32") for _ in range(2))
    mix = np.array([0.0, 0.25, 1.0], "float32").reshape(3, 1, 1, 1)
    penalty = gradient_penalty(
        lambda x: tf.reduce_sum(x**2, axis=(1, 2, 3))[:, None] / 2, real, fake, mix
    )
    between = (1 - mix) * real + mix * fake
    norms = [np.linalg.norm(point) for point in between]
    np.testing.assert_allclose(penalty, np.mean([(n - 1) ** 2 for n in norms]), rtol=1e-5)
