"""Check of the first batch of a user's `tf.data.Dataset` when it is read."""

import contextlib
import re
from collections.abc import Callable, Iterator

import tensorflow as tf

from tl_keras.checks import InputError


def check_first_batch(
    batches: tf.data.Dataset, check: Callable, parts: int = 1, *, pixels_alone: bool = True
) -> tf.data.Dataset:
    """Returns `batches` with `check` applied to the first batch when it is read.

    Nothing is read for the check alone. A source that can be read only once therefore loses
    nothing, and no shuffle buffer is filled twice.

    Args:
        batches: tf.data.Dataset.
        check: function of `parts` arrays that raises `InputError`, see `input_errors`.
        parts: int, number of leading components of an element that are images.
        pixels_alone: whether `check` concerns pixel values only; it then skips uint8 images.
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
def input_errors() -> Iterator[None]:
    """Re-raises an `InputError` from within a pipeline as itself where TensorFlow wraps it.

    Such as that of a file that disappears while it is trained on. It is a decorator too.
    """
    try:
        yield
    except tf.errors.OpError as error:
        found = re.search(r"(?:Input|ImageRead)Error: (Expected .*)", str(error))
        if not found:
            raise
        raise InputError(found[1]) from None
