"""Stateless random numbers that are fast and differ on each replica."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf


def next_seed(seed_generator: keras.random.SeedGenerator) -> tf.Tensor:
    """Returns a seed for the stateless operations of one step, int32 (2,).

    Replicas hold copies of the generator with equal states, so the seed includes the replica's
    number.

    Args:
        seed_generator: `keras.random.SeedGenerator`.
    """
    seed = tf.cast(seed_generator.next(), tf.int32)
    context = tf.distribute.get_replica_context()
    replica = 0 if context is None else context.replica_id_in_sync_group
    return seed + tf.stack([tf.cast(replica, tf.int32) * 7919, 0])


def random_integers(shape: Any, seed: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """Returns integers over the whole range of `dtype`; narrow ones share a random 32-bit word.

    Args:
        shape: shape of the result.
        seed: int32 (2,).
        dtype: tf.uint8, tf.uint16 or tf.uint32.
    """
    size = tf.reduce_prod(shape)
    in_word = tf.uint32.size // dtype.size
    words = tf.random.stateless_uniform(
        [(size + in_word - 1) // in_word], seed=seed, minval=None, maxval=None, dtype=tf.uint32
    )
    return tf.reshape(tf.reshape(tf.bitcast(words, dtype), [-1])[:size], shape)


def draw_binary(pixels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Draws each pixel black or white, white with exactly the probability pixel / 255.

    A random byte decides. A random rounding, shared by the pixels of an image, represents the
    probabilities between 256 levels. It moves the probabilities of these pixels together by less
    than 1/256.

    Args:
        pixels: float32 (b, ...), 0-255.
        seed: int32 (2,).

    Returns:
        float32 of the same shape, 0 or 1.
    """
    shape = tf.shape(pixels)
    drawn = tf.cast(random_integers(shape, seed, tf.uint8), pixels.dtype)
    one_each = tf.concat([shape[:1], tf.ones_like(shape[1:])], 0)
    rounding = tf.random.stateless_uniform(one_each, seed - 1, -1.0, 0.0, pixels.dtype)
    return tf.cast(drawn < pixels * (256.0 / 255.0) + rounding, pixels.dtype)


def draw_part(draw: Callable, seeds: Any, count: int | tf.Tensor, *shape: int) -> tf.Tensor:
    """Returns this replica's part of the numbers that one device would draw for the batch.

    Args:
        draw: function of `keras.random`, of a shape and a seed.
        seeds: `keras.random.SeedGenerator`.
        count: int or int32 (), rows of this replica.
        *shape: shape of a row.

    Returns:
        float32 (count, *shape).
    """
    context = tf.distribute.get_replica_context()
    replicas = context.num_replicas_in_sync
    numbers = draw((count * replicas, *shape), seed=seeds)
    first = count * context.replica_id_in_sync_group if replicas > 1 else 0
    return numbers[first : first + count] if replicas > 1 else numbers
