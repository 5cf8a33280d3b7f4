"""Likelihoods and the KL term against closed forms in float64."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tests.models.images import blobs, noisy
from tl_keras.models.latent.likelihoods import (
    bernoulli_log_prob,
    choose_likelihood,
    gaussian_log_prob,
    kl_to_prior,
    log_prior_ratio,
)


def _some(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_bernoulli_term_equals_float64(scale):
    targets, logits = noisy(6, 28).reshape(6, 784) / 255.0, scale * _some(3, 6, 784)
    # log p = -log(1 + exp(-l)), log(1 - p) = -log(1 + exp(l))
    expected = -(targets * np.logaddexp(0, -logits) + (1 - targets) * np.logaddexp(0, logits))
    found = bernoulli_log_prob(tf.constant(targets, tf.float32), tf.constant(logits, tf.float32))
    np.testing.assert_allclose(found, expected.sum(-1), rtol=1e-5)


def test_gradient_of_the_bernoulli_term_is_that_of_tensorflow():
    targets = tf.constant(noisy(4).reshape(4, 64) / 255.0, tf.float32)
    logits = tf.constant(_some(3, 4, 64), tf.float32)
    weights = tf.constant(_some(3, 4, seed=1), tf.float32)
    gradients = []
    for log_prob in (bernoulli_log_prob, _tensorflow_log_prob):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            total = tf.reduce_sum(weights * log_prob(targets, logits))
        gradients.append(tape.gradient(total, logits))
    np.testing.assert_allclose(*gradients, atol=1e-6)


def _tensorflow_log_prob(targets, logits):
    targets = tf.broadcast_to(targets, logits.shape)
    return -tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(targets, logits), -1)


def test_gaussian_term_equals_its_closed_form():
    targets, logits, scale = noisy(6).reshape(6, 64) / 255.0, _some(3, 6, 64), 0.3
    mean = 1 / (1 + np.exp(-logits))
    density = np.exp(-((targets - mean) ** 2) / (2 * scale**2)) / math.sqrt(2 * math.pi) / scale
    found = gaussian_log_prob(
        tf.constant(targets, tf.float32), tf.constant(logits, tf.float32), math.log(scale)
    )
    np.testing.assert_allclose(found, np.log(density).sum(-1), rtol=1e-5)


def test_kl_is_its_closed_form_and_the_mean_of_the_sampled_ratio():
    mean, log_var = tf.constant(_some(5), tf.float32), tf.constant(_some(5, seed=1), tf.float32)
    eps = tf.constant(_some(200_000, 5, seed=2), tf.float32)
    z = mean + tf.exp(log_var / 2) * eps
    sampled = -np.mean(log_prior_ratio(z, eps, log_var))
    np.testing.assert_allclose(np.sum(kl_to_prior(mean, log_var)), sampled, rtol=1e-2)
    assert float(kl_to_prior(tf.zeros(()), tf.zeros(()))) == 0.0
    assert np.all(kl_to_prior(mean, log_var) > 0)


def test_likelihood_goes_by_the_pixels():
    assert choose_likelihood(blobs()[..., None]) == "bernoulli"
    assert choose_likelihood(noisy()[..., None]) == "gaussian"
    assert choose_likelihood(blobs(channels=3)) == "gaussian"
