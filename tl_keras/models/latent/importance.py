"""Importance-weighted bound from any number of samples, a few at a time."""

import math
from collections.abc import Callable

import tensorflow as tf


def importance_bound(
    log_weights: Callable[[tf.Tensor], tf.Tensor], k: int, at_once: int, batch_size: int | tf.Tensor
) -> tf.Tensor:
    """Returns the log of the mean of k importance weights per image, `at_once` at a time.

    Args:
        log_weights: function from the index of a part, int32 (), to the logarithms of `at_once` new
            weights per image, float32 (at_once, b).
        k: int, samples per image.
        at_once: int, samples per part. Surplus samples of the last part are ignored.
        batch_size: int or int32 (), number b of images.

    Returns:
        float32 (b,).

    Reference:
        Burda, Grosse and Salakhutdinov 2016, arXiv 1509.00519.
    """

    def add_part(part, total):
        number = part * at_once + tf.range(at_once)
        weights = tf.where(number[:, None] < k, log_weights(part), -math.inf)
        return part + 1, tf.reduce_logsumexp(tf.concat([total[None], weights], 0), axis=0)

    start = (tf.constant(0), tf.fill([batch_size], -math.inf))
    _, total = tf.while_loop(lambda part, _: part < math.ceil(k / at_once), add_part, start)
    return total - math.log(k)
