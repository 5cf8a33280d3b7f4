"""What the replicas of a distribution strategy see of each other in a training step."""

import tensorflow as tf


def gather_replicas(tensor):
    """The rows of all replicas, in their order; gradients flow back to where a row came from.

    Without replicas, or outside of a step, `tensor` itself.

    Args:
        tensor: (b, ...), with the same b on each replica.

    Returns:
        (replicas * b, ...).
    """
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return tensor
    gathered = context.all_gather(tensor, axis=0)
    rows = tensor.shape[0] and tensor.shape[0] * context.num_replicas_in_sync
    gathered.set_shape((rows, *tensor.shape[1:]))  # the default collective operations lose it
    return gathered


def first_row(count):
    """Which row of the gathered tensor is the first of this replica's `count`."""
    context = tf.distribute.get_replica_context()
    return 0 if context is None else count * context.replica_id_in_sync_group
