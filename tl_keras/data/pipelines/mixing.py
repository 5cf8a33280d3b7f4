"""Mixing of training examples and labels in pairs: blending (mixup) or cutting (CutMix).

A network memorises few images. Mixing makes it uncertain between two of them, in proportion.
"""

import tensorflow as tf

# Edges of a rectangle lie on a 7 x 7 grid, the last feature size of networks for 224 pixels.
CELLS = 7


def draw_mixing(
    alpha: float, cut: bool, *, seed: int | tf.Tensor, epoch: int | tf.Tensor, indices: tf.Tensor
) -> tf.Tensor:
    """Draws the mixing of each example of a batch with its partner.

    Args:
        alpha: parameter above 0 of Beta(alpha, alpha), the distribution of the partner's share; 1
            is uniform.
        cut: fraction of the examples, 0 to 1, that receive a rectangle of their partner. The others
            are blended and keep the larger share.
        seed: integer.
        epoch: int64 scalar, or an integer.
        indices: int64 (b,), indices of the batch's examples in the dataset.

    Returns:
        float32 (b, 5): the share that an example keeps, then top, left, bottom and right of the
        partner's rectangle as fractions of the side. The latter are 0 for blended examples.
    """
    key = tf.random.experimental.stateless_fold_in(tf.constant([seed, 3], tf.int64), epoch)
    key = tf.random.experimental.stateless_fold_in(key, indices[0])
    count = tf.size(indices)
    first, second = tf.unstack(tf.random.stateless_gamma((2, count), seed=key, alpha=float(alpha)))
    share = tf.math.divide_no_nan(first, first + second)
    key = tf.random.experimental.stateless_fold_in(key, 1)
    coin, *corner = tf.unstack(tf.random.stateless_uniform((3, count), seed=key))
    side = tf.round(CELLS * tf.sqrt(1.0 - share))
    side = tf.where(coin < cut, side, 0.0)
    top, left = (tf.floor(place * (CELLS - side + 1)) for place in corner)
    box = tf.stack([top, left, top + side, left + side], axis=1) / CELLS
    box = tf.where(side[:, None] > 0, box, 0.0)
    kept = tf.where(coin < cut, 1.0 - (side / CELLS) ** 2, tf.maximum(share, 1.0 - share))
    return tf.concat([kept[:, None], box], axis=1)


def mix(tensor: tf.Tensor, mixing: tf.Tensor, replicas: int = 1) -> tf.Tensor:
    """Mixes each example with its partner: the first with the second, the third with the fourth.

    Neighbours in a shuffled batch form a random pair. The last of an odd number stays unmixed.

    Args:
        tensor: (b, ...), inputs, features or one-hot labels. Only (b, h, w, c) is cut. Tensors
            without height and width are blended by the same shares.
        mixing: float (b, 5), from `draw_mixing`.
        replicas: number of replicas that share the batch. Examples are mixed as if every replica
            mixed its own part: the last example of an odd part stays unmixed.

    Returns:
        Tensor like `tensor`.

    Reference:
        Zhang, Cisse, Dauphin, Lopez-Paz 2018, arXiv 1710.09412; between layers: Verma et al. 2019,
        arXiv 1806.05236; rectangles: Yun et al. 2019, arXiv 1905.04899. There the partner is any
        example of the batch, and all examples use one share.
    """
    count = tf.shape(tensor)[0]
    partners = _partners(count, replicas)
    own = tf.reshape(mixing[:, 0], tf.concat([[count], tf.ones(tf.rank(tensor) - 1, tf.int32)], 0))
    if tensor.shape.rank == 4:
        cut = tf.reshape(mixing[:, 3] > mixing[:, 1], (-1, 1, 1, 1))
        own = tf.where(cut, _outside(mixing[:, 1:], tf.shape(tensor)), own)
    values = tf.cast(tensor, own.dtype)  # in half precision if the network uses it
    mixed = own * values + (1.0 - own) * tf.gather(values, partners)
    return tf.ensure_shape(tf.cast(mixed, tensor.dtype), tensor.shape)


def _partners(count, replicas):
    """Returns the row of each example's partner, int32 (count,), within one replica's part."""
    # `tf.distribute` divides a batch so that the last parts are shorter.
    share = -(-count // replicas)
    rows = tf.range(count)
    within = rows % share
    last = tf.minimum(rows - within + share, count) - 1
    return tf.minimum(rows - within + tf.bitwise.bitwise_xor(within, 1), last)


def _outside(boxes, shape):
    """Returns float32 (b, h, w, 1): 0 for cells whose centre is in the rectangle, else 1."""
    top, left, bottom, right = (edge[:, None] for edge in tf.unstack(boxes, axis=1))

    def between(low, high, size):
        centres = (tf.cast(tf.range(size), tf.float32) + 0.5) / tf.cast(size, tf.float32)
        return (centres >= low) & (centres < high)

    rows, columns = between(top, bottom, shape[1]), between(left, right, shape[2])
    inside = rows[:, :, None, None] & columns[:, None, :, None]
    return 1.0 - tf.cast(inside, tf.float32)
