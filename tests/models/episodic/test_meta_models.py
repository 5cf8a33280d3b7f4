"""Gradients of MAML and Reptile against finite differences and their definitions."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.models.episodic.episodic_models import episodes, small_encoder, small_model
from tl_keras.checks import InputError
from tl_keras.models.episodic.maml import MAML
from tl_keras.models.episodic.reptile import Reptile

SUPPORT, QUERY = episodes(count=2)


def exact(method, **arguments):
    """A tiny model in float64, with an inner rate at which second derivatives matter."""
    arguments = {"inner_lr": 0.5, "inner_steps": 2, **arguments}
    encoder = small_encoder(dtype="float64", width=2)
    return small_model(method, encoder=encoder, **arguments)


def outer_loss(model):
    """Returns a function of the loss that MAML minimises, computed without its gradient."""

    @tf.function
    def loss():
        pairs = zip(*(tf.unstack(tf.constant(x)) for x in (SUPPORT, QUERY)), strict=True)
        steps = {"steps": model.inner_steps, "transductive": True}
        losses = [model.adapted_losses(s, q, **steps)["loss"] for s, q in pairs]
        return tf.reduce_mean(losses)

    return lambda: float(loss())


def finite_difference(loss, weight, place, step=1e-5):
    values, losses = weight.numpy(), []
    for sign in (1, -1):
        moved = values.copy()
        moved[place] += sign * step
        weight.assign(moved)
        losses.append(loss())
    weight.assign(values)
    return (losses[0] - losses[1]) / (2 * step)


@pytest.fixture(scope="module")
def maml_gradients():
    """The model, and its gradients of second and of first order."""
    model = exact(MAML)
    _, second = model.mean_gradients(tf.constant(SUPPORT), tf.constant(QUERY))
    model.first_order = True
    _, first = model.mean_gradients(tf.constant(SUPPORT), tf.constant(QUERY))
    return model, [g.numpy() for g in second], [g.numpy() for g in first]


def test_the_second_order_gradient_of_maml_equals_a_finite_difference(maml_gradients):
    model, second, first = maml_gradients
    rng, different, loss = np.random.default_rng(0), 0, outer_loss(model)
    for weight, gradient, other in zip(
        model.network.trainable_variables, second, first, strict=True
    ):
        place = tuple(rng.integers(size) for size in weight.shape)
        expected = finite_difference(loss, weight, place)
        np.testing.assert_allclose(gradient[place], expected, rtol=1e-5, atol=1e-8)
        different += abs(other[place] - expected) > 1e-3 * abs(expected) + 1e-6
    assert different >= 4, "the first-order gradient is no finite difference"


def test_the_first_order_gradient_is_that_at_the_adapted_weights(maml_gradients):
    model, _, first = maml_gradients
    gradients = []
    for support, query in zip(tf.constant(SUPPORT), tf.constant(QUERY), strict=True):
        weights = model.adapt(*model._labelled(support), model.inner_steps)
        with tf.GradientTape() as tape:
            tape.watch(weights)
            scores = model.logits(weights, model._labelled(query)[0])
            losses = keras.losses.sparse_categorical_crossentropy(
                np.repeat(range(3), 2), scores, from_logits=True
            )
            loss = tf.reduce_mean(losses)
        gradients.append([g.numpy() for g in tape.gradient(loss, weights)])
    for ours, *each in zip(first, *gradients, strict=True):
        np.testing.assert_allclose(ours, np.mean(each, axis=0), atol=1e-10)


def test_an_update_of_reptile_is_a_step_towards_the_mean_of_the_adapted_weights():
    rate = 0.3
    model = exact(Reptile, inner_images=2)
    before = [v.numpy() for v in model.network.trainable_variables]
    ends = []
    for support, query in zip(SUPPORT, QUERY, strict=True):
        three = np.concatenate([support, query], axis=1)
        clone = exact(Reptile)
        # Plain SGD on two images of each class, then on the third and the first.
        for places in ([0, 1], [2, 0]):
            images = np.repeat(three[:, places].reshape(6, 8, 8, 1), 3, axis=-1)
            with tf.GradientTape() as tape:
                scores = clone.network(images, training=True)
                loss = tf.reduce_mean(
                    keras.losses.sparse_categorical_crossentropy(
                        np.repeat(range(3), 2), scores, from_logits=True
                    )
                )
            weights = clone.network.trainable_variables
            gradients = tape.gradient(loss, [w.value for w in weights])
            for weight, gradient in zip(weights, gradients, strict=True):
                weight.assign_sub(0.5 * gradient)
        ends.append([w.numpy() for w in weights])
    model.compile(keras.optimizers.SGD(rate))
    model.train_step(((tf.constant(SUPPORT), tf.constant(QUERY)),))
    for weight, theta, *phi in zip(model.network.trainable_variables, before, *ends, strict=True):
        expected = theta + rate * (np.mean(phi, axis=0) - theta)
        assert np.abs(expected - theta).max() > 1e-6 or "bias" in weight.path
        np.testing.assert_allclose(weight.numpy(), expected, atol=1e-6)


def test_inductive_queries_have_the_moments_of_the_support_and_do_not_see_each_other():
    model = small_model(MAML)
    model.fit_support(SUPPORT[0, :, 0], [0, 1, 2])
    queries = QUERY[0].reshape(6, 8, 8, 1)
    together = model.predict_proba(queries)
    alone = np.concatenate([model.predict_proba(query[None]) for query in queries])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    apart = model.predict_proba(queries, transductive=True)
    assert np.abs(apart - together).max() > 1e-3
    # The support itself is normalised by its own moments either way.
    shown = SUPPORT[0, :, 0]
    np.testing.assert_allclose(
        model.predict_proba(shown), model.predict_proba(shown, transductive=True), atol=1e-4
    )


def test_more_classes_than_outputs_and_half_precision_are_refused():
    with pytest.raises(InputError, match="at most n_way=3 classes.*received 4"):
        small_model(MAML).fit_support(np.zeros((4, 8, 8)), range(4))
    with pytest.raises(InputError, match="received mixed_float16"):
        small_model(MAML, dtype="mixed_float16")
