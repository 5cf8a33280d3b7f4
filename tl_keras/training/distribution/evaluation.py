"""Batches to evaluate on that leave no replica without an image."""

from typing import Any

import numpy as np
import tensorflow as tf

from tl_keras.checks import InputError


def shared_batches(
    batches: tf.data.Dataset, size: int, batch_size: int, strategy: tf.distribute.Strategy
) -> Any:
    """Returns batches for `evaluate` in which each replica has an image, and none is left out.

    TensorFlow gives some replicas nothing of an incomplete last batch, and convolutions on no image
    fail. Here the parts of a batch differ by one image at most. A last batch with fewer images than
    replicas is added to the one before it.

    Args:
        batches: each image once, in batches of any size.
        size: number of images.
        batch_size: images per step over all replicas.
        strategy: of the model.

    Returns:
        A dataset that `fit` and `evaluate` take; `batches` itself on one device.

    Raises:
        InputError: there are fewer images than replicas.
    """
    replicas = strategy.num_replicas_in_sync
    if replicas == 1:
        return batches
    if size < replicas:
        raise InputError(
            f"Expected at least {replicas} validation images, one for each replica; received "
            f"{size}. Give more images, or train on fewer devices."
        )
    parts = batches.rebatch(_parts(size, batch_size, replicas))

    def own(context):
        here = replicas // context.num_input_pipelines
        first = context.input_pipeline_id * here
        numbered = parts.enumerate()

        def is_own(number, *_):
            replica = number % replicas
            return (first <= replica) & (replica < first + here)

        return numbered.filter(is_own).map(lambda _, *part: part if len(part) > 1 else part[0])

    return strategy.distribute_datasets_from_function(own)


def _parts(size: int, batch_size: int, replicas: int) -> list[int]:
    """Images of each replica, step by step."""
    steps = [min(batch_size, size - start) for start in range(0, size, batch_size)]
    if steps[-1] < replicas and len(steps) > 1:
        last = steps.pop()
        steps[-1] += last
    return [len(part) for step in steps for part in np.array_split(np.arange(step), replicas)]
