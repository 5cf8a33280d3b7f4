"""NT-Xent and the supervised contrastive loss against slow loops and closed forms."""

import numpy as np
import pytest
import tensorflow as tf

from tl_keras.models.two_views.contrast import contrastive_loss

RNG = np.random.default_rng(0)
FIRST, SECOND = RNG.normal(size=(2, 7, 5)) * 3
LABELS = np.array([0, 1, 0, 2, 2, 2, 3])


def nt_xent(first, second, temperature=0.2):
    return contrastive_loss(first, second, None, temperature)


def loop(first, second, labels, temperature):
    """The supervised contrastive loss, one view and one pair at a time, in float64."""
    views = [v / np.sqrt(sum(v**2)) for v in (*first, *second)]
    labels = [*labels, *labels]
    losses = []
    for i, view in enumerate(views):
        others = [a for a in range(len(views)) if a != i]
        below = sum(np.exp(view @ views[a] / temperature) for a in others)
        terms = [
            -np.log(np.exp(view @ views[p] / temperature) / below)
            for p in others
            if labels[p] == labels[i]
        ]
        losses.append(sum(terms) / len(terms))
    return [(losses[i] + losses[i + len(first)]) / 2 for i in range(len(first))]


def pair_loop(first, second, temperature):
    """NT-Xent as its paper writes it: one positive, the other view."""
    views = np.concatenate([first, second])
    views /= np.linalg.norm(views, axis=1, keepdims=True)
    count = len(first)
    losses = np.empty(2 * count)
    for i in range(2 * count):
        j = (i + count) % (2 * count)
        below = sum(np.exp(views[i] @ views[k] / temperature) for k in range(2 * count) if k != i)
        losses[i] = -np.log(np.exp(views[i] @ views[j] / temperature) / below)
    return losses.reshape(2, count).mean(0)


@pytest.mark.parametrize("temperature", [0.07, 0.5, 2.0])
def test_nt_xent_equals_a_slow_loop(temperature):
    np.testing.assert_allclose(
        nt_xent(FIRST, SECOND, temperature), pair_loop(FIRST, SECOND, temperature), atol=1e-5
    )


@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_sup_con_equals_a_slow_loop(temperature):
    np.testing.assert_allclose(
        contrastive_loss(FIRST, SECOND, LABELS, temperature),
        loop(FIRST, SECOND, LABELS, temperature),
        rtol=1e-5,
        atol=1e-5,
    )


def test_both_are_symmetric_in_the_views_and_do_not_see_the_length_of_an_embedding():
    for loss in (nt_xent, lambda a, b: contrastive_loss(a, b, LABELS, 0.1)):
        np.testing.assert_allclose(loss(FIRST, SECOND), loss(SECOND, FIRST), atol=1e-5)
        np.testing.assert_allclose(loss(FIRST, SECOND), loss(FIRST * 50, SECOND / 9), atol=1e-5)


@pytest.mark.parametrize("count", [2, 9])
def test_of_identical_embeddings_nt_xent_is_the_log_of_the_number_of_other_views(count):
    same = np.ones((count, 4))
    np.testing.assert_allclose(nt_xent(same, same, 0.1), np.log(2 * count - 1), rtol=1e-5)
    labels = np.arange(count) % 2
    np.testing.assert_allclose(
        contrastive_loss(same, same, labels, 0.1), np.log(2 * count - 1), rtol=1e-5
    )


def test_of_orthogonal_images_nt_xent_has_its_closed_form():
    apart = np.eye(4)
    expected = np.log(1 + 6 * np.exp(-1 / 0.5))  # six views at a right angle
    np.testing.assert_allclose(nt_xent(apart, apart, 0.5), expected, rtol=1e-5)


def test_sup_con_is_nt_xent_when_each_image_is_its_own_class():
    labels = np.array([5, 3, 9, 0, 1, 2, 7])
    np.testing.assert_allclose(
        contrastive_loss(FIRST, SECOND, labels, 0.3), nt_xent(FIRST, SECOND, 0.3), atol=1e-6
    )


def test_the_gradient_pulls_the_views_of_an_image_together():
    first, second = tf.Variable(FIRST, dtype=tf.float32), tf.constant(SECOND, tf.float32)
    with tf.GradientTape() as tape:
        before = tf.reduce_mean(nt_xent(first, second))
    first.assign_sub(tape.gradient(before, first))
    assert float(tf.reduce_mean(nt_xent(first, second))) < float(before)


def test_the_gradient_of_an_embedding_of_zeros_has_bounds():
    first = tf.zeros((3, 4))
    with tf.GradientTape() as tape:
        tape.watch(first)
        loss = nt_xent(first, tf.constant(SECOND[:3, :4], tf.float32))
    assert np.abs(tape.gradient(loss, first)).max() < 1e4


def test_sharp_temperatures_stay_finite():
    same = np.ones((3, 4), np.float32)
    assert np.isfinite(nt_xent(same, -same, 1e-3)).all()
