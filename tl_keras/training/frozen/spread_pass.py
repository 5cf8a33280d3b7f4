"""One pass of a frozen part over batches, spread over the replicas of its strategy."""

import functools
import math
from collections.abc import Callable

import keras
import tensorflow as tf

from tl_keras.models.cutting import unpacked
from tl_keras.models.inference import traced
from tl_keras.models.steps.replicas import gather_replicas


def frozen_pass(prefix: keras.Model, load: Callable, batch_size: int) -> tuple[Callable, Callable]:
    """Returns how to load a batch of images, and how to run a frozen part on it.

    On several replicas each runs on its part of the batch, and all get the outputs for the whole.
    A process loads the images of its own replicas alone.

    Args:
        prefix: model whose outputs are a list of tensors; runs in inference mode.
        load: function from (epoch, indices (b,)) to the list of its input tensors.
        batch_size: images of a whole batch; the last one may have fewer.

    Returns:
        (function like `load`, function from its result to the list of outputs, of which the first
        b rows count)
    """
    strategy = prefix.distribute_strategy
    if strategy.num_replicas_in_sync > 1:
        return _own_rows(strategy, load, batch_size), _on_replicas(strategy, prefix)
    return load, _traced(prefix)


@functools.lru_cache(maxsize=1)  # validation follows training
def _traced(prefix):
    shapes = [tensor.shape[1:] for tensor in prefix.inputs]
    return traced(lambda *i: _in_full(prefix(unpacked(i), training=False)), shapes)


def _in_full(outputs):
    """Outputs as float32, whatever a frozen part computes in."""
    return [tf.cast(output, tf.float32) for output in tf.nest.flatten(outputs)]


def _own_rows(strategy, load, batch_size):
    """Loads the rows of the replicas of this process; the last rows are repeated to fill them."""
    each = math.ceil(batch_size / strategy.num_replicas_in_sync)
    local = len(strategy.extended.worker_devices)
    first = _first_replica(strategy) * each

    def load_own(epoch, indices):
        wanted = tf.range(first, first + local * each)
        return load(epoch, tf.gather(indices, tf.minimum(wanted, tf.size(indices) - 1)))

    return load_own


def _on_replicas(strategy, prefix):
    local, first = len(strategy.extended.worker_devices), _first_replica(strategy)

    def of_replica(*inputs):
        outputs = prefix(unpacked(inputs), training=False)
        return [gather_replicas(output) for output in _in_full(outputs)]

    @tf.function
    def step(inputs):
        return strategy.run(of_replica, args=inputs)

    def parts_of(tensor):
        parts = tf.split(tensor, local)
        return strategy.experimental_distribute_values_from_function(
            lambda context: parts[context.replica_id_in_sync_group - first]
        )

    def run(*inputs):
        outputs = step(tuple(parts_of(tensor) for tensor in inputs))
        return [strategy.experimental_local_results(output)[0] for output in outputs]

    return run


def _first_replica(strategy):
    """Number of the first replica of this process among all."""
    numbers = strategy.experimental_distribute_values_from_function(
        lambda context: tf.constant(context.replica_id_in_sync_group)
    )
    return int(strategy.experimental_local_results(numbers)[0])
