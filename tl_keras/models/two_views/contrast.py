"""Contrastive loss: each view identifies its positives among all other views."""

import tensorflow as tf
from keras import ops

from tl_keras.models.steps.replicas import first_row, gather_replicas

_SHORTEST = 1e-6  # squared length, so that a row of zeros has a finite gradient
_NEVER = -1e9  # similarity of a view and itself, before the exponential


def normalised(embeddings: tf.Tensor) -> tf.Tensor:
    """Returns float32 rows scaled to length 1."""
    embeddings = ops.cast(embeddings, "float32")
    squares = ops.sum(ops.square(embeddings), axis=-1, keepdims=True)
    return embeddings * ops.rsqrt(ops.maximum(squares, _SHORTEST))


def contrastive_loss(
    first: tf.Tensor, second: tf.Tensor, labels: tf.Tensor, temperature: float
) -> tf.Tensor:
    """Returns minus the mean log softmax probability of each view's positives.

    With z of length 1 and P(i) the other views with the label of view i,

        loss_i = -1 / |P(i)| sum_{p in P(i)} log(exp(z_i z_p / t) / sum_{a != i} exp(z_i z_a / t)).

    If all embeddings are equal, it is log(2n - 1). On several replicas each computes the rows of
    its own images against the columns of all.

    Args:
        first, second: (n, d), embeddings of the two views of n images.
        labels: int (n,); None if each image is a class of its own.
        temperature: t, above 0.

    Returns:
        float32 (n,), mean over the two views of each image.
    """
    first, second = normalised(first), normalised(second)
    all_first, all_second = gather_replicas(first), gather_replicas(second)
    count, total = ops.shape(first)[0], ops.shape(all_first)[0]
    own = first_row(count) + ops.arange(count)
    columns = ops.transpose(ops.concatenate([all_first, all_second]))
    similar = ops.matmul(ops.concatenate([first, second]), columns) / temperature
    itself = ops.concatenate([own, own + total])[:, None] == ops.arange(2 * total)[None]
    labels = own if labels is None else ops.cast(labels, own.dtype)
    all_labels = ops.tile(gather_replicas(labels), [2])
    positive = (ops.tile(labels, [2])[:, None] == all_labels[None]) & ~itself
    positive = ops.cast(positive, "float32")
    log_sum = ops.logsumexp(ops.where(itself, _NEVER, similar), axis=1)
    found = ops.sum(positive * similar, axis=1) / ops.sum(positive, axis=1)
    return ops.mean(ops.reshape(log_sum - found, (2, -1)), axis=0)
