"""Mixup: training examples blended in pairs, labels too.

A net that has few pictures learns them by heart; between two of them it has to be unsure in
proportion.
"""

import tensorflow as tf


def draw_shares(alpha, *, seed, epoch, indices):
    """How much of itself each example of a batch keeps; the rest is its partner's.

    Args:
        alpha: of Beta(alpha, alpha), above 0; 1 for uniform numbers.
        seed: integer.
        epoch: int64 scalar, or an integer.
        indices: int64 (b,), which examples of the dataset are in the batch.

    Returns:
        float32 (b,), in [0.5, 1]: an example stays mostly what it was.
    """
    key = tf.random.experimental.stateless_fold_in(tf.constant([seed, 3], tf.int64), epoch)
    key = tf.random.experimental.stateless_fold_in(key, indices[0])
    first, second = tf.unstack(
        tf.random.stateless_gamma((2, tf.size(indices)), seed=key, alpha=float(alpha))
    )
    share = tf.math.divide_no_nan(first, first + second)
    return tf.maximum(share, 1.0 - share)


def mix(tensor, shares):
    """Blends each example with its partner: the first with the second, the third with the fourth.

    Neighbours of a shuffled batch are a random pair. They stay together when a batch is divided
    over replicas, as long as each gets an even number; the last of an odd number stays alone.

    Args:
        tensor: (b, ...), inputs, features or one-hot labels.
        shares: float (b,), of `draw_shares`.

    Returns:
        Tensor like `tensor`.

    Reference:
        Zhang, Cisse, Dauphin, Lopez-Paz 2018, arXiv 1710.09412; between layers: Verma et al. 2019,
        arXiv 1806.05236. There the partner is any example of the batch, and one share serves all.
    """
    count = tf.shape(tensor)[0]
    partners = tf.minimum(tf.bitwise.bitwise_xor(tf.range(count), 1), count - 1)
    own = tf.reshape(shares, tf.concat([[count], tf.ones(tf.rank(tensor) - 1, tf.int32)], 0))
    mixed = own * tensor + (1.0 - own) * tf.gather(tensor, partners)
    return tf.ensure_shape(mixed, tensor.shape)
