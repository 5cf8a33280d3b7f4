"""Batches of images for `fit`, `evaluate` and `predict`, fixed by (seed, epoch, index)."""

import itertools
import math
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tl_keras.checks import InputError, check_choice, check_number
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.images import check_image_size
from tl_keras.data.pipelines.augmentation import augment_images, luminance, resolve_augment
from tl_keras.data.pipelines.position import Position, starting_position

WINDOW = 8  # blocks among which examples are shuffled


def index_batches(
    num_examples: int,
    batch_size: int,
    *,
    seed: int,
    shuffle: bool,
    block: int | None = None,
    first_epoch: int | Callable[[], int] = 0,
    repeat: bool = False,
    drop_remainder: bool = False,
) -> tf.data.Dataset:
    """Returns batches of indices in an order that depends on (seed, epoch) alone.

    Args:
        num_examples: number of examples.
        batch_size: integer above 0.
        seed: integer.
        shuffle: whether each epoch is a new permutation; else 0, 1, 2, ...
        block: number of neighbours that are read together. Then the permutation has two levels, see
            `shuffled_in_blocks`. None for any permutation.
        first_epoch: number of the first epoch. Without `repeat` it may be a function that returns
            the number of each epoch when that epoch starts.
        repeat: whether epochs follow each other without end; `fit` then needs steps_per_epoch.
            Otherwise each iteration over the dataset, and so each epoch of `fit`, is the next
            epoch. Under a distribution strategy `fit` opens the data once more before it starts,
            which uses up an epoch number. There, only `repeat` gives the order of a single device.
        drop_remainder: whether to drop an incomplete last batch.

    A shuffled pipeline of a resumed fit begins where the fit was stopped, see `starting_at`.

    Returns:
        tf.data.Dataset of (epoch int64 (), indices int64 (b,)), of known cardinality.

    Raises:
        InputError: a number is out of range, or the examples do not fill one batch.
    """
    check_number("batch_size", batch_size, minimum=1, integer=True)
    check_number("seed", seed, integer=True)
    steps = num_examples // batch_size if drop_remainder else math.ceil(num_examples / batch_size)
    if steps == 0:
        raise InputError(
            f"Expected at least {batch_size if drop_remainder else 1} images, one batch; "
            f"received {num_examples}. Use a smaller batch_size or more images."
        )

    def batches_of(epoch):
        indices = tf.range(num_examples, dtype=tf.int64)
        if shuffle:
            key = tf.stack([tf.constant(seed, tf.int64), epoch])
            if block is None:
                indices = tf.random.experimental.stateless_shuffle(indices, seed=key)
            else:
                indices = shuffled_in_blocks(num_examples, block, key)
        batches = tf.data.Dataset.from_tensor_slices(indices).batch(batch_size, drop_remainder)
        return batches.map(lambda batch: (epoch, batch))

    done = starting_position() if shuffle else Position()
    if repeat:
        batches = tf.data.Dataset.counter(first_epoch).flat_map(batches_of).skip(done.batches)
        cardinality = tf.data.INFINITE_CARDINALITY
    else:
        first = first_epoch if callable(first_epoch) else first_epoch + done.epochs
        batches = numbered_epochs(first).flat_map(batches_of).skip(done.step)
        cardinality = steps - done.step
    return batches.apply(tf.data.experimental.assert_cardinality(cardinality))


def shuffled_in_blocks(num_examples: int, block: int, key: tf.Tensor) -> tf.Tensor:
    """Returns a permutation in which blocks are read one after the other, int64 (num_examples,).

    The blocks are shuffled, and so are the examples of each `WINDOW` blocks in a row.

    Args:
        num_examples: number of examples.
        block: examples per block.
        key: int64 (2,), decides the permutation.
    """
    blocks = tf.range(-(-num_examples // block), dtype=tf.int64)
    places = tf.argsort(tf.random.experimental.stateless_shuffle(blocks, seed=key))
    windows = tf.repeat(places // WINDOW, block)[:num_examples]
    mixed = tf.random.stateless_uniform([num_examples], key, dtype=tf.float64)
    return tf.cast(tf.argsort(tf.cast(windows, tf.float64) + mixed), tf.int64)


def build_pipeline(
    dataset: ImageDataset,
    batch_size: int,
    *,
    image_size: tuple[int, int],
    training: bool = False,
    seed: int = 0,
    augment: str = "none",
    channels: int = 3,
    first_epoch: int | Callable[[], int] = 0,
    repeat: bool = False,
    drop_remainder: bool = False,
) -> tf.data.Dataset:
    """Returns batches of a dataset's images.

    Without `training` the order is kept and nothing is dropped: the k-th prediction belongs to
    `dataset.ids[k]`. The first call for a size decodes all files. With `training` the batches are
    already shuffled: call `fit` with shuffle=False, or Keras warns that it cannot shuffle.

    Args:
        dataset: `ImageDataset`.
        batch_size: integer above 0.
        image_size: (height, width).
        training: whether to shuffle and augment.
        seed: integer; seed and epoch determine the order and the augmentation of each image.
        augment: one of `AUGMENTATIONS` or "auto"; only with `training`.
        channels: 3 for RGB, 1 for luminance.
        first_epoch, repeat, drop_remainder: see `index_batches`.

    Returns:
        tf.data.Dataset of (images float32 (b, h, w, channels) 0-255, labels int32 (b,)), or of
        images alone if the dataset has no labels.

    Raises:
        ImageReadError: a file can no longer be read; the message names it.
        InputError: an argument is invalid.
    """
    check_choice("channels", channels, (1, 3))
    chosen = resolve_augment(augment, dataset)
    name = chosen if training else "none"
    batches = index_batches(
        len(dataset),
        batch_size,
        seed=seed,
        shuffle=training,
        block=dataset.block,
        first_epoch=first_epoch,
        repeat=repeat,
        drop_remainder=drop_remainder,
    )
    gather = image_gatherer(dataset, check_image_size(image_size), channels)

    def load_batch(epoch, indices):
        images = augment_images(gather(indices), name, seed=seed, epoch=epoch, indices=indices)
        if dataset.labels is None:
            return images
        return images, tf.gather(dataset.labels, indices)

    return batches.map(load_batch, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def numbered_epochs(first_epoch: int | Callable[[], int] = 0) -> tf.data.Dataset:
    """Returns a dataset of one epoch number per iteration: first_epoch, then first_epoch + 1, ...

    Args:
        first_epoch: int, or a function that returns the number of each iteration.
    """
    asked = callable(first_epoch)
    numbers = iter(first_epoch, None) if asked else itertools.count(first_epoch)
    # Dataset.random(rerandomize_each_iteration=True) would do, but follows TensorFlow's global
    # seed too, and its epochs have no numbers.
    # `Dataset.from_generator` would do too, but traces four functions in place of one.

    def number(_):
        return tf.ensure_shape(tf.numpy_function(lambda: np.int64(next(numbers)), [], tf.int64), ())

    return tf.data.Dataset.from_tensors(0).map(number)


def image_gatherer(
    dataset: ImageDataset, image_size: tuple[int, int], channels: int
) -> Callable[[tf.Tensor], tf.Tensor]:
    """Returns a function from indices int64 (b,) to images float32 (b, h, w, channels)."""
    rows_of = dataset.rows_of(image_size)
    take_first = channels == 1 and dataset.is_grayscale  # its three channels are the same
    depth = 1 if take_first else 3

    def take(indices):
        return np.ascontiguousarray(rows_of(indices)[..., :depth])

    def gather(indices):
        images = tf.numpy_function(take, [indices], tf.uint8, stateful=False)
        images.set_shape((indices.shape[0], *image_size, depth))
        images = tf.cast(images, tf.float32)
        return luminance(images) if channels == 1 and not take_first else images

    return gather
