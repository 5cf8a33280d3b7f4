"""Seconds of plain Keras and of ours, which take turns because the speed of a machine drifts."""

import statistics
import time

MATMUL = 1024
MATMUL_FLOPS = 2 * MATMUL**3


def timed(run):
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def median_ratio(slow, fast):
    """Median of the ratios of pairs of seconds."""
    return statistics.median(a / b for a, b in zip(slow, fast, strict=True))


def matmul_seconds():
    """Seconds of one float32 product of square matrices, the best of three."""
    import tensorflow as tf

    a = tf.random.normal((MATMUL, MATMUL))
    return min(timed(lambda: tf.matmul(a, a).numpy()) for _ in range(3))


def epochs_in_turns(plain, fit):
    """{"matmul", each way of `plain`, "ours"}: seconds of each epoch but the first, which traces.

    Args:
        plain: {name: function that trains for an epoch}.
        fit: function of a list of callbacks that trains ours for all epochs.
    """
    import keras

    seconds = {"matmul": [], **{way: [] for way in plain}, "ours": []}

    def take_turns(epoch, logs=None):
        seconds["matmul"].append(matmul_seconds())
        for way, run in plain.items():
            seconds[way].append(timed(run))
        seconds["ours"].append(-time.perf_counter())

    def stop(epoch, logs=None):
        seconds["ours"][-1] += time.perf_counter()

    fit([keras.callbacks.LambdaCallback(on_epoch_begin=take_turns, on_epoch_end=stop)])
    return {way: values[1:] for way, values in seconds.items()}
