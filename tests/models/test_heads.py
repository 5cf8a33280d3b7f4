"""Heads: shapes, the starting point each promises, and values computed by hand."""

import keras
import numpy as np
import pytest

from tests.check_model import check_model
from tl_keras.checks import InputError
from tl_keras.models.heads import HEADS, apply_head


@pytest.fixture
def features():
    return np.random.default_rng(0).normal(size=(3, 4, 5, 16)).astype("float32")


def _width(head, units=6):
    """A small hidden layer where the head has one."""
    return {} if head == "linear" else {"hidden_units": units}


def _head_model(head, shape=(4, 5, 16), **arguments):
    keras.utils.set_random_seed(0)
    features = keras.Input(shape)
    arguments = {"dropout": 0.0, **_width(head), **arguments}
    return keras.Model(features, apply_head(features, head, **arguments))


def _pooled(model, features):
    return keras.Model(model.input, model.get_layer("head_pool").output)(features).numpy()


@pytest.mark.parametrize("head", HEADS)
def test_every_head_trains_saves_and_reloads(head, features):
    def build():
        features = keras.Input((4, 5, 16))
        vector = apply_head(features, head, dropout=0.1, **_width(head))
        return keras.Model(features, keras.layers.Dense(3, activation="softmax")(vector))

    check_model(build, features, np.array([0, 1, 2]), probabilities=True)


@pytest.mark.parametrize("head", HEADS)
def test_every_head_gives_one_vector_an_image_and_readable_layer_names(head):
    model = _head_model(head)
    assert model.output_shape == (None, 16 if head == "linear" else 6)
    assert all(layer.name.startswith("head_") for layer in model.layers[1:])
    assert all(layer.trainable for layer in model.layers)


@pytest.mark.parametrize("head", HEADS)
def test_every_weight_of_a_head_gets_a_gradient_that_is_not_zero(head, features):
    import tensorflow as tf

    model = _head_model(head)
    for weight in model.trainable_weights:  # zero kernels block their predecessors at the start
        weight.assign(np.random.default_rng(1).normal(size=weight.shape))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(features) ** 2)
    gradients = tape.gradient(loss, [weight.value for weight in model.trainable_weights])
    assert all(np.abs(gradient).max() > 0 for gradient in gradients)


def test_linear_head_is_the_mean_over_positions(features):
    model = _head_model("linear")
    np.testing.assert_allclose(model(features), features.mean((1, 2)), atol=1e-6)
    assert model.count_params() == 0


def test_residual_head_starts_as_the_identity(features):
    np.testing.assert_array_equal(
        _pooled(_head_model("residual"), features), _pooled(_head_model("gap"), features)
    )


def test_attention_with_uniform_scores_is_average_pooling(features):
    np.testing.assert_allclose(
        _pooled(_head_model("attention"), features), features.mean((1, 2)), atol=1e-6
    )


def test_attention_weighs_positions_by_the_softmax_of_their_scores(features):
    model = _head_model("attention")
    kernel = np.random.default_rng(2).normal(size=16).astype("float32")
    model.get_layer("head_attention_scores").set_weights([kernel.reshape(1, 1, 16, 1)])
    flat = features.reshape(3, 20, 16)
    weights = np.exp(flat @ kernel)
    weights /= weights.sum(1, keepdims=True)
    expected = (weights[..., None] * flat).sum(1)
    np.testing.assert_allclose(_pooled(model, features), expected, atol=1e-5)


def test_gate_scales_each_channel_by_a_sigmoid_of_the_squeezed_features():
    model = _head_model("gated", shape=(1, 2, 2))
    model.get_layer("head_gate_reduce").set_weights([np.array([[1.0], [2.0]]), np.array([0.5])])
    model.get_layer("head_gate").set_weights([np.array([[1.0, -1.0]]), np.array([0.0, 1.0])])
    features = np.array([[[[1.0, 0.0], [3.0, 2.0]]]])  # means 2 and 1, so relu(2 + 2 + 0.5) = 4.5
    gate = [1 / (1 + np.exp(-4.5)), 1 / (1 + np.exp(3.5))]
    np.testing.assert_allclose(_pooled(model, features), [[2 * gate[0], 1 * gate[1]]], atol=1e-6)


@pytest.mark.parametrize("head", ["gap", "linear"])
def test_plain_heads_take_vectors_without_pooling(head):
    model = _head_model(head, shape=(16,))
    assert "head_pool" not in [layer.name for layer in model.layers]
    assert model.output_shape == (None, 16 if head == "linear" else 6)


@pytest.mark.parametrize("head", ["attention", "gated", "residual"])
def test_spatial_heads_refuse_vectors(head):
    with pytest.raises(InputError, match=rf"\(b, h, w, c\) for head='{head}'.*received \(None, 16"):
        _head_model(head, shape=(16,))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"head": "atention"}, "head to be one of attention, .*received head='atention'"),
        ({"hidden_units": 0}, "hidden_units to be an integer >= 1; received hidden_units=0"),
        ({"head": "linear", "hidden_units": 8}, "no hidden_units with head='linear', which has no"),
        ({"dropout": 1.0}, "dropout to be a number >= 0 and < 1; received dropout=1.0"),
        ({"dropout": -0.1}, "dropout to be a number >= 0 and < 1; received dropout=-0.1"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    arguments = {"head": "gap", **arguments}
    with pytest.raises(InputError, match=message):
        apply_head(keras.Input((4, 4, 8)), **arguments)
