"""Training on several machines: Keras's `fit` made to work there, and values from the chief.

`fit` under `MultiWorkerMirroredStrategy` fails in Keras 3 (keras issue 20585, open). The build
before the first step reduces a whole batch in one call, which this strategy does for single tensors
only. Then the logs of a step are reduced along an axis that a scalar does not have. `mend_keras`
replaces both for this strategy alone; a test fails once Keras's own code works.
"""

import functools
import json
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tl_keras.models.keras_private import replace_reduction, replace_symbolic_build


def on_several_machines(strategy: tf.distribute.Strategy | None = None) -> bool:
    """Returns whether a strategy, by default that of the scope, joins several processes."""
    strategy = strategy or tf.distribute.get_strategy()
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)


@functools.cache
def mend_keras() -> None:
    """Makes `fit`, `evaluate` and `predict` of every Keras model work on several machines.

    On one machine too the build before the first step fails, if the first batch is uneven.
    """
    replace_symbolic_build(_build_from_own_batch)
    replace_reduction(_mean_of_logs)


def _build_from_own_batch(build, model, iterator=None, data_batch=None):
    """Builds a model from the part of a batch that the first local replica gets."""
    strategy = model.distribute_strategy
    if iterator is not None and strategy.num_replicas_in_sync > 1:
        _, _, batches = next(iter(iterator))
        data_batch = keras.tree.map_structure(
            lambda value: strategy.experimental_local_results(value)[0], next(batches)
        )
        iterator = None
    return build(model, iterator, data_batch)


def _mean_of_logs(reduce, values, strategy, reduction):
    """Means of the logs of a step over all replicas, in one exchange."""
    logs = keras.tree.flatten(values)
    if reduction not in ("auto", "mean") or not logs or not on_several_machines(strategy):
        return reduce(values, strategy, reduction)

    def stacked(*parts):
        return tf.stack([tf.cast(tf.reduce_mean(part), tf.float32) for part in parts])

    means = strategy.reduce("MEAN", strategy.run(stacked, args=logs), axis=None)
    return keras.tree.pack_sequence_as(values, tf.unstack(means, num=len(logs)))


def from_chief(value: Any, strategy: tf.distribute.Strategy | None = None) -> Any:
    """Returns the value that the chief has, which every process must ask for at the same place.

    Clocks, free memory and rounding differ between machines. What depends on them and decides
    about further steps must come from one process, or the others would wait for ever.

    Args:
        value: number, text, None, or lists, tuples and dicts of these; or an array, or a list of
            arrays. Arrays have the same shapes in all processes.
        strategy: None for that of the scope.

    Returns:
        The value of the chief; on one machine `value` itself.
    """
    strategy = strategy or tf.distribute.get_strategy()
    if not on_several_machines(strategy):
        return value
    if _is_arrays(value):
        return keras.tree.map_structure(lambda array: _sent(array, strategy), value)
    text = np.frombuffer(json.dumps(value).encode(), np.uint8).astype(np.int32)
    length = int(_sent(np.array([len(text)], np.int32), strategy)[0])
    text = _sent(np.resize(text, length), strategy)
    return json.loads(bytes(text.astype(np.uint8)))


def _is_arrays(value):
    parts = value if isinstance(value, list | tuple) and value else [value]
    return all(isinstance(part, np.ndarray) for part in parts)


def _sent(array, strategy):
    """The chief's array: the sum over all replicas, of which only its first adds something."""
    kind = array.dtype
    sent = array.astype(np.int32) if kind.kind == "b" else array

    def own(context):
        return tf.constant(sent if context.replica_id_in_sync_group == 0 else np.zeros_like(sent))

    values = strategy.experimental_distribute_values_from_function(own)
    return strategy.reduce("SUM", values, axis=None).numpy().astype(kind)
