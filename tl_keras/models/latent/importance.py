"""The importance-weighted bound from any number of samples, a few at a time."""

import math

import tensorflow as tf


def importance_bound(log_weights, k, at_once, batch_size):
    """log(mean of k importance weights) of each image, with memory for `at_once` of them.

    Args:
        log_weights: function from the number of a part, int32 (), to the logarithms of `at_once`
            fresh weights of each image, float32 (at_once, b).
        k: int, samples an image.
        at_once: int, samples in a part; those that the last part has too many are left out.
        batch_size: int or int32 (), the number of images b.

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
