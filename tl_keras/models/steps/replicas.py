"""Exchange between the replicas of a distribution strategy in a training step."""

import tensorflow as tf


def gather_replicas(tensor: tf.Tensor) -> tf.Tensor:
    """Returns the rows of all replicas in order; gradients flow back to the origin of each row.

    Without replicas, or outside of a step, it returns `tensor` itself.

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
    # The default collective operations lose the shape.
    gathered.set_shape((rows, *tensor.shape[1:]))
    return gathered


def first_row(count: int | tf.Tensor) -> int | tf.Tensor:
    """Returns the index in the gathered tensor of the first of this replica's `count` rows."""
    context = tf.distribute.get_replica_context()
    return 0 if context is None else count * context.replica_id_in_sync_group
