"""Graphs that are traced once and then only called."""

import tensorflow as tf


def traced(function, shapes):
    """Traces a function of float32 tensors, for any batch size.

    A `tf.function` made anew for each of several models looks to TensorFlow like one function that
    is traced again and again, and it warns. A concrete function is traced here and never again.

    Args:
        function: takes as many tensors as there are shapes.
        shapes: the shape of each without its batch, a tuple or `tf.TensorShape`.

    Returns:
        The concrete function: (b, *shape) float32 tensors or arrays -> what `function` returns.
    """
    signature = [tf.TensorSpec((None, *shape), tf.float32) for shape in shapes]
    return tf.function(function, input_signature=signature).get_concrete_function()
