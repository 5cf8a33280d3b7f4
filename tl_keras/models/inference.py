"""Graphs that are traced once and then only called."""

from collections.abc import Callable, Sequence

import tensorflow as tf


def traced(function: Callable, shapes: Sequence) -> Callable:
    """Traces a function of float32 tensors for any batch size.

    TensorFlow takes new `tf.function`s of several models for one function that is retraced again
    and again, and warns. A concrete function is traced once, here.

    Args:
        function: function of one tensor for each shape.
        shapes: shape of each tensor without the batch axis, a tuple or `tf.TensorShape`.

    Returns:
        Concrete function: (b, *shape) float32 tensors or arrays -> the result of `function`.
    """
    signature = [tf.TensorSpec((None, *shape), tf.float32) for shape in shapes]
    return tf.function(function, input_signature=signature).get_concrete_function()
