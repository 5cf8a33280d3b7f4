import logging

import numpy as np
import tensorflow as tf

from tl_keras.models.inference import traced


def times(factor):
    return lambda x: x * factor


def test_a_graph_made_for_many_models_brings_no_warning_of_retracing(caplog):
    """A `tf.function` made in a loop brings "5 out of the last 5 calls ... triggered retracing"."""
    with caplog.at_level(logging.WARNING, logger="tensorflow"):
        for factor in range(8):
            run = traced(times(factor), [(2,)])
            np.testing.assert_array_equal(run(np.ones((3, 2), np.float32)), np.full((3, 2), factor))
            np.testing.assert_array_equal(run(tf.ones((1, 2))), np.full((1, 2), factor))
    assert not caplog.records


def test_variables_are_read_anew_in_each_call():
    weight = tf.Variable(2.0)
    run = traced(lambda x: x * weight, [(1,)])
    weight.assign(5.0)
    np.testing.assert_array_equal(run(tf.ones((2, 1))), [[5.0], [5.0]])
