"""What a training phase reads: pictures, or the cached output of the frozen part on them.

Both kinds have the same methods, so a phase need not know which it trains on. A frozen part gives
the same output every epoch; run once and kept, the rest trains several times faster with equal
results.
"""

import dataclasses
import math

import numpy as np
import tensorflow as tf

from tl_keras.data.array_store import allocate, release_pages
from tl_keras.data.augmentation import augment_images, luminance
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.pipeline import index_batches
from tl_keras.progress import track
from tl_keras.training.cutting import unpacked


@dataclasses.dataclass(frozen=True)
class Pictures:
    """Pictures, augmented afresh each epoch.

    Attributes:
        dataset: labelled pictures.
        image_size: (height, width) that the model takes.
        augment: name of the augmentation, "none" for validation.
        seed: of the augmentation.
        store: where the decoded pictures are kept, see `data.array_store.allocate`.
        channels: 3 for RGB, 1 for luminance.
    """

    dataset: ImageDataset
    image_size: tuple[int, int]
    augment: str = "none"
    seed: int = 0
    store: str = "auto"
    channels: int = 3

    @property
    def labels(self):
        return self.dataset.labels

    @property
    def distinct_views(self):
        """How many versions of each picture there are."""
        return 1 if self.augment == "none" else math.inf

    def views(self, count):
        """Yields for each of `count` views its batch loader (start, stop) -> [tensor]."""
        images = self.dataset.decoded(self.image_size, store=self.store)
        for view in range(count):
            yield lambda start, stop, view=view: self._augmented(
                _take(images, slice(start, stop)), view, np.arange(start, stop)
            )

    def _augmented(self, images, epoch, indices):
        images = tf.cast(images, tf.float32)
        images = luminance(images) if self.channels == 1 else images
        return [augment_images(images, self.augment, seed=self.seed, epoch=epoch, indices=indices)]

    def load(self, epoch, indices):
        """Maps (epoch, indices (b,)) tensors to the list of input tensors, inside `tf.data`.

        The epoch is one number, or one for each picture.
        """
        images = self.dataset.decoded(self.image_size, store=self.store)
        rows = tf.numpy_function(lambda i: _take(images, i), [indices], tf.uint8)
        rows.set_shape((None, *images.shape[1:]))
        return self._augmented(rows, epoch, indices)


@dataclasses.dataclass(frozen=True)
class Features:
    """The cached output of a frozen prefix.

    Attributes:
        arrays: one array (views, n, ...) for each tensor that crosses the cut.
        labels: int32 (n,).
    """

    arrays: list[np.ndarray]
    labels: np.ndarray

    @property
    def distinct_views(self):
        """How many versions of each picture there are."""
        return self.arrays[0].shape[0]

    def views(self, count):
        """Yields for each of `count` views its batch loader (start, stop) -> [tensor]."""
        for view in range(count):
            yield lambda start, stop, view=view: [
                tf.cast(_take(array, (view, slice(start, stop))), tf.float32)
                for array in self.arrays
            ]

    def load(self, epoch, indices):
        """Maps (epoch, indices (b,)) tensors to the list of input tensors, inside `tf.data`.

        Each picture goes through all its views, one an epoch.
        """
        views = self.view_of(epoch, indices)
        return [self._rows(array, views, indices) for array in self.arrays]

    def view_of(self, epoch, indices):
        """Which view of each picture an epoch takes, int64 (b,)."""
        return (epoch + indices) % self.distinct_views

    def _rows(self, array, views, indices):
        rows = tf.numpy_function(
            lambda v, i: _take(array, (v, i)), [views, indices], tf.as_dtype(array.dtype)
        )
        rows.set_shape((None, *array.shape[2:]))
        return tf.cast(rows, tf.float32)


def _take(array, index):
    rows = np.array(array[index])
    release_pages(array)
    return rows


def compute_features(prefix, source, *, views=1, batch_size=32, store="auto", dtype="float32"):
    """Runs `prefix` once over `source` and keeps what comes out.

    Args:
        prefix: model whose outputs are a list of tensors; runs in inference mode.
        source: `Pictures` or `Features`.
        views: number of augmented versions of each picture.
        batch_size: pictures a step.
        store: "auto", "memory" or "disk", see `data.array_store.allocate`.
        dtype: "float32", or "float16" for half the room at a loss of precision.

    Returns:
        `Features` with `views` views.
    """
    size = len(source.labels)
    arrays = [
        allocate((views, size, *output.shape[1:]), dtype, store=store) for output in prefix.outputs
    ]
    signature = [tf.TensorSpec((None, *i.shape[1:]), tf.float32) for i in prefix.inputs]
    run = tf.function(lambda *i: prefix(unpacked(i), training=False), input_signature=signature)
    starts = range(0, size, batch_size)
    steps = ((v, load, s) for v, load in enumerate(source.views(views)) for s in starts)
    for view, load, start in track(steps, "Running the frozen part once", views * len(starts)):
        stop = min(start + batch_size, size)
        outputs = run(*load(start, stop))
        for array, output in zip(arrays, tf.nest.flatten(outputs), strict=True):
            array[view, start:stop] = output.numpy()
            release_pages(array)
    return Features(arrays, source.labels)


def training_batches(
    source, batch_size, *, num_classes, seed, first_epoch=0, repeat=True, drop_remainder=False
):
    """A `tf.data.Dataset` of (inputs, one-hot labels), keyed by (seed, epoch, index).

    It is without end or, without `repeat`, an epoch long, see `index_batches`. A label below 0
    gives a row of zeros.
    """
    batches = index_batches(
        len(source.labels),
        batch_size,
        seed=seed,
        shuffle=True,
        first_epoch=first_epoch,
        repeat=repeat,
        drop_remainder=drop_remainder,
    )
    return _labelled(batches, source, num_classes)


def validation_batches(source, batch_size, *, num_classes):
    """A `tf.data.Dataset` of (inputs, one-hot labels) in order, each picture once."""
    batches = index_batches(len(source.labels), batch_size, seed=0, shuffle=False)
    return _labelled(batches, source, num_classes)


def _labelled(batches, source, num_classes):
    labels = tf.constant(source.labels)

    def load(epoch, indices):
        inputs = unpacked(source.load(epoch, indices))
        return inputs, tf.one_hot(tf.gather(labels, indices), num_classes)

    return batches.map(load, num_parallel_calls=2).prefetch(tf.data.AUTOTUNE)
