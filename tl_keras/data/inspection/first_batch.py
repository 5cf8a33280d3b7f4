"""A look at the first batch of somebody's `tf.data.Dataset`, as it passes."""

import contextlib
import re

import tensorflow as tf

from tl_keras.checks import InputError


def check_first_batch(batches, check, parts=1, *, pixels_alone=True):
    """Returns `batches`, the first of which goes through `check` when it is read.

    Nothing is read for the check alone: a source that can be read once loses nothing, and no
    shuffle buffer is filled twice.

    Args:
        batches: tf.data.Dataset.
        check: function of so many arrays; it raises `InputError`, see `input_errors`.
        parts: int, how many parts of an element are images, from the first on.
        pixels_alone: whether `check` is of pixels alone, and those of type uint8 need no look.
    """
    if pixels_alone and tf.nest.flatten(batches.element_spec)[0].dtype == tf.uint8:
        return batches
    seen = []

    def look(*arrays):
        if not seen:
            check(*arrays)
        seen.append(True)
        return True

    def passing(place, *batch):
        arrays = tf.nest.flatten(batch)[:parts]
        looked = tf.cond(
            place == 0, lambda: tf.numpy_function(look, arrays, tf.bool), lambda: tf.constant(True)
        )
        with tf.control_dependencies([looked]):
            return tf.nest.map_structure(tf.identity, batch if len(batch) > 1 else batch[0])

    return batches.enumerate().map(passing)


@contextlib.contextmanager
def input_errors():
    """Raises an `InputError` from within a pipeline as itself, where TensorFlow wraps it."""
    try:
        yield
    except tf.errors.OpError as error:
        found = re.search(r"InputError: (Expected .*)", str(error))
        if not found:
            raise
        raise InputError(found[1]) from None
