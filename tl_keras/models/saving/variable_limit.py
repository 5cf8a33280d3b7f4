"""A limit on the memory that variables take while a model is made from its configuration."""

import contextlib
import math
import threading

import keras
import tensorflow as tf

_ONE_AT_A_TIME = threading.RLock()


@contextlib.contextmanager
def limit_variables(most_bytes, refusal):
    """Refuses variables of more than `most_bytes` in all, before memory is taken for them.

    A configuration of a few bytes can ask for weights of many gigabytes, in ways that only Keras
    can tell: shapes follow from one layer to the next. So each variable is counted when its shape
    is known and its values are not made yet. Variables of other threads are not counted.

    Args:
        most_bytes: int.
        refusal: function (bytes asked for so far) -> exception, which is raised here whatever
            Keras makes of it.
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
