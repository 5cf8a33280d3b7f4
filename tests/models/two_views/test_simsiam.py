"""SimSiam: effect of the stopped gradient, and collapse without it."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.models.images import blobs
from tests.models.two_views.two_view_models import small_model
from tl_keras import SimSiam
from tl_keras.models.gan.collapse import CollapseWarning
from tl_keras.models.two_views.simsiam import negative_cosine

RNG = np.random.default_rng(0)
FIRST, SECOND = np.float32(RNG.normal(size=(2, 6, 8)))


def test_negative_cosine_equals_a_slow_loop():
    expected = [
        -sum(p * q) / np.sqrt(sum(p**2)) / np.sqrt(sum(q**2))
        for p, q in zip(FIRST.astype(float), SECOND.astype(float), strict=True)
    ]
    np.testing.assert_allclose(negative_cosine(FIRST, SECOND), expected, atol=1e-6)
    np.testing.assert_allclose(negative_cosine(FIRST, 3 * FIRST), -1, rtol=1e-6)


@pytest.mark.parametrize("stopped", [True, False])
def test_the_stopped_branch_gets_no_gradient(stopped):
    """Of p1 from z1 against z2, z2 gets one only where nothing is stopped."""
    model = small_model(SimSiam, stop_gradient=stopped)
    zeros = np.zeros_like(FIRST)
    target = tf.Variable(SECOND)
    model.predictor = lambda z, training: tf.constant(np.concatenate([FIRST, zeros]))
    with tf.GradientTape() as tape:
        loss = model.losses_between(tf.constant(FIRST), target, None, True)["loss"]
    gradient = tape.gradient(loss, target)
    assert (gradient is None) == stopped
    assert stopped or np.abs(gradient).max() > 1e-3


def test_the_loss_is_symmetric_in_the_views():
    model = small_model(SimSiam)
    losses = [
        model.losses_between(tf.constant(a), tf.constant(b), None, False)["loss"]
        for a, b in ((FIRST, SECOND), (SECOND, FIRST))
    ]
    np.testing.assert_allclose(*losses, atol=1e-6)


def _trained(stopped):
    model = small_model(SimSiam, stop_gradient=stopped, projection_units=(32, 32))
    model.compile(keras.optimizers.Adam(0.01))
    return model.fit(blobs(640), batch_size=16, epochs=3, verbose=0).history["embedding_spread"]


def test_without_the_stopped_gradient_collapse_is_warned_of_within_three_epochs():
    with pytest.warns(CollapseWarning, match="spread is 0.* Lower the learning rate"):
        spread = _trained(stopped=False)
    assert spread[-1] < 0.2


def test_with_the_stopped_gradient_nothing_collapses():
    with warnings.catch_warnings():
        warnings.simplefilter("error", CollapseWarning)
        spread = _trained(stopped=True)
    assert min(spread) > 0.5
