"""A network with given weights, whose gradients can be differentiated again."""

import inspect
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tl_keras.models.keras_private import is_functional, run_graph


def run_network(
    network: keras.Model, weights: Sequence, state: Sequence, images: tf.Tensor, *, training: bool
) -> tuple[tf.Tensor, list]:
    """Returns the output of a network with given weights, and its new state.

    It differs from `stateless_call` in the moments of batch normalisation. TensorFlow's variance
    takes the mean as a constant, so its second derivative is wrong. With one such layer, a gradient
    of MAML was three times too large. Here the moments are those that Keras computes for masked
    inputs, with a mask of ones.

    Args:
        network: Functional model.
        weights, state: values of its trainable and non-trainable variables.
        images: (b, h, w, c).
        training: whether batch normalisation has the moments of `images`.
    """
    variables = [*network.trainable_variables, *network.non_trainable_variables]
    values = zip(variables, [*weights, *state], strict=True)
    with keras.StatelessScope(state_mapping=list(values)) as scope:
        output = _run(network, images, training)
    moved = [scope.get_current_value(each) for each in network.non_trainable_variables]
    return output, moved


def _run(network, inputs, training):
    def call(operation, *args, **kwargs):
        if is_functional(operation, exactly=True) and len(args) == 1:
            return _run(operation, args[0], training)
        if isinstance(operation, keras.layers.BatchNormalization) and training:
            kwargs["mask"] = tf.ones(tf.shape(args[0])[:-1], tf.bool)
        if _knows_training(operation):
            kwargs["training"] = training
        output = operation(*args, **kwargs)
        # Keras hands the mask on with the tensor; later layers are not to see it.
        return tf.identity(output) if "mask" in kwargs else output

    return run_graph(network, keras.tree.flatten(inputs), call)


def _knows_training(operation: Any) -> bool:
    return (
        isinstance(operation, keras.Layer)
        and "training" in inspect.signature(operation.call).parameters
    )
