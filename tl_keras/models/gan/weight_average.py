"""Exponential moving average of a model's weights, held by a second model."""

import keras
import tensorflow as tf


def average_of(model: keras.Model, name: str) -> keras.Model:
    """Returns a non-trainable copy of a model, which holds the average of its weights."""
    average = keras.models.clone_model(model)
    average.name = name
    average.trainable = False
    average.set_weights(model.get_weights())
    return average


def warm_decay(decay: float, step: int | tf.Tensor) -> tf.Tensor:
    """Returns the decay at a step from 0: min(decay, (1 + step) / (10 + step)).

    Without it the random initial weights would stay in the average for long.
    """
    step = tf.cast(step, tf.float32)
    return tf.minimum(decay, (1.0 + step) / (10.0 + step))


def update_average(average: keras.Model, model: keras.Model, decay: tf.Tensor) -> None:
    """Sets each weight of `average` to decay * itself + (1 - decay) * the weight of `model`.

    Moving statistics of batch normalisation are averaged like weights. Call it once per training
    step, on one replica or in each of several.

    Args:
        average, model: models with the same weights.
        decay: scalar tensor in [0, 1].
    """
    pairs = [(a.value, w.value) for a, w in zip(average.weights, model.weights, strict=True)]

    def blend(mean, weight, decay):
        return mean.assign_sub((1.0 - tf.cast(decay, mean.dtype)) * (mean - weight))

    def update(strategy, pairs, decay):
        for mean, weight in pairs:
            strategy.extended.update(mean, blend, args=(weight, decay), group=False)

    tf.distribute.get_replica_context().merge_call(update, args=(pairs, decay))
