"""Limit on the memory of variables while a model is built from its configuration."""

import contextlib
import math
import threading
from collections.abc import Iterator

import keras
import tensorflow as tf

_ONE_AT_A_TIME = threading.RLock()


@contextlib.contextmanager
def limit_variables(most_bytes: int, refusal: str) -> Iterator[None]:
    """Refuses variables of more than `most_bytes` in total before memory is allocated for them.

    A configuration of a few bytes can ask for weights of many gigabytes. Only Keras can compute
    their size, because shapes follow from one layer to the next. Each variable is therefore counted
    when its shape is known and before its values are created. Variables of other threads are not
    counted.

    Args:
        most_bytes: int.
        refusal: function (bytes requested so far) -> exception. It is raised here, in place of any
            error that Keras turns it into.
    """
    make = keras.Variable._initialize_with_initializer
    thread, asked, refused = threading.get_ident(), 0, []

    def counted(variable, initializer):
        nonlocal asked
        if threading.get_ident() == thread:
            asked += math.prod(variable.shape) * tf.as_dtype(variable.dtype).size
            if asked > most_bytes:
                refused.append(refusal(asked))
                raise refused[0]
        make(variable, initializer)

    with _ONE_AT_A_TIME:
        keras.Variable._initialize_with_initializer = counted
        try:
            yield
        except Exception:
            if not refused:
                raise
        finally:
            keras.Variable._initialize_with_initializer = make
    if refused:
        raise refused[0]
