"""Data of a training phase: images, or the cached features of the frozen part.

Both have the same methods, so a phase need not know which it trains on. A frozen part computes the
same features every epoch. Computed once and kept, the rest trains several times faster with equal
results.
"""

import dataclasses
import functools
import math
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from tl_keras.data.array_store import allocate, release_pages
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.pipelines.augmentation import augment_images, luminance
from tl_keras.data.pipelines.batches import index_batches
from tl_keras.data.pipelines.mixing import draw_mixing, mix
from tl_keras.models.cutting import unpacked
from tl_keras.progress import track
from tl_keras.training.frozen.spread_pass import frozen_pass


@dataclasses.dataclass(frozen=True)
class Images:
    """Images, augmented afresh each epoch.

    Attributes:
        dataset: labelled images.
        image_size: (height, width) that the model takes.
        augment: name of the augmentation, "none" for validation.
        seed: of the augmentation.
        store: where the decoded images are kept, see `data.array_store.allocate`.
        channels: 3 for RGB, 1 for luminance.
        mirrored: whether there are two versions of each image, as it is and its mirror image;
            without augmentation.
    """

    dataset: ImageDataset
    image_size: tuple[int, int]
    augment: str = "none"
    seed: int = 0
    store: str = "auto"
    channels: int = 3
    mirrored: bool = False

    @property
    def labels(self) -> np.ndarray | None:
        return self.dataset.labels

    @property
    def block(self) -> int | None:
        """Number of neighbours that are read together, see `index_batches`."""
        return self.dataset.block

    @property
    def distinct_views(self) -> float:
        """Number of different versions of each image."""
        if self.augment == "none":
            return 2 if self.mirrored else 1
        return math.inf

    @property
    def first_view(self) -> "Images":
        """Each image once, without its mirror image."""
        return dataclasses.replace(self, mirrored=False)

    def loader(self) -> Callable:
        """Returns a function from (epoch, indices (b,)) tensors to the list of input tensors.

        Files are decoded here and not in `tf.data`, which would hide the message on a bad one.
        The epoch is one number, or one for each image.
        """
        rows_of = self.dataset.rows_of(self.image_size, self.store)
        augment = functools.partial(augment_images, name=self.augment, seed=self.seed)

        def load(epoch, indices):
            rows = tf.numpy_function(rows_of, [indices], tf.uint8)
            rows.set_shape((None, *self.image_size, 3))
            rows = tf.cast(rows, tf.float32)
            rows = luminance(rows) if self.channels == 1 else rows
            if self.mirrored:
                second = tf.broadcast_to(epoch % 2 == 1, tf.shape(indices))
                rows = tf.where(second[:, None, None, None], tf.reverse(rows, [2]), rows)
            return [augment(rows, epoch=epoch, indices=indices)]

        return load


@dataclasses.dataclass(frozen=True)
class Features:
    """The cached output of a frozen prefix.

    Attributes:
        arrays: one array (views, n, ...) for each tensor that crosses the cut.
        labels: int32 (n,).
    """

    arrays: list[np.ndarray]
    labels: np.ndarray
    block = None  # any of them is read by itself

    @property
    def distinct_views(self) -> int:
        """Number of different versions of each image."""
        return self.arrays[0].shape[0]

    @property
    def first_view(self) -> "Features":
        """The first version of each image alone."""
        return dataclasses.replace(self, arrays=[array[:1] for array in self.arrays])

    def first(self, count: int) -> "Features":
        """Returns the first images alone, with their views; nothing is copied."""
        arrays = [array[:, :count] for array in self.arrays]
        return dataclasses.replace(self, arrays=arrays, labels=self.labels[:count])

    def loader(self) -> Callable:
        """Returns a function from (epoch, indices (b,)) tensors to the list of input tensors.

        Each image goes through all its views, one per epoch.
        """

        def load(epoch, indices):
            views = self.view_of(epoch, indices)
            return [self._rows(array, views, indices) for array in self.arrays]

        return load

    def view_of(self, epoch: tf.Tensor | int, indices: tf.Tensor) -> tf.Tensor:
        """Returns the view of each image that an epoch takes, int64 (b,)."""
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


def compute_features(
    prefix: keras.Model,
    source: Images | Features,
    *,
    views: int = 1,
    batch_size: int = 32,
    store: str = "auto",
    dtype: str = "float32",
) -> Features:
    """Runs `prefix` once over `source` and keeps its outputs.

    On several replicas each runs on part of every batch. All processes keep all features, because
    each epoch hands the images out anew.

    Args:
        prefix: model whose outputs are a list of tensors; runs in inference mode.
        views: number of augmented versions of each image.
        batch_size: images per step.
        store: "auto", "memory" or "disk", see `data.array_store.allocate`.
        dtype: "float32", or "float16" for half the room at a loss of precision.

    Returns:
        `Features` with `views` views.
    """
    size = len(source.labels)
    arrays = [
        allocate((views, size, *output.shape[1:]), dtype, store=store) for output in prefix.outputs
    ]
    load, run = frozen_pass(prefix, source.loader(), batch_size)
    count = views * math.ceil(size / batch_size)
    batches = index_batches(size, batch_size, seed=0, shuffle=False, repeat=True).take(count)
    # Images are changed for the next steps while the frozen part runs on these.
    loaded = batches.map(
        lambda view, indices: (view, indices, tuple(load(view, indices))),
        num_parallel_calls=2,
    ).prefetch(4)
    for view, indices, inputs in track(loaded, "Running the frozen part once", count):
        rows = slice(int(indices[0]), int(indices[-1]) + 1)
        for array, output in zip(arrays, run(*inputs), strict=True):
            array[int(view), rows] = output.numpy()[: len(indices)]
            release_pages(array)
    return Features(arrays, source.labels)


def training_batches(
    source: Images | Features,
    batch_size: int,
    *,
    num_classes: int,
    seed: int,
    mixup: float = 0.0,
    cutmix: float = 0.0,
    mixed_inside: int = 0,
    first_epoch: int = 0,
    repeat: bool = True,
    drop_remainder: bool = False,
) -> tf.data.Dataset:
    """Returns batches of (inputs, one-hot labels), which (seed, epoch, index) decide.

    A label below 0 becomes a row of zeros.

    Args:
        batch_size: examples per step.
        num_classes: width of the labels.
        mixup, cutmix: alpha and cut of `data.pipelines.mixing`; mixup=0 for none.
        mixed_inside: number of replicas on which the model mixes the features itself; the
            inputs are then {"inputs": the inputs as they are, "mixing": (b, 5)}. Labels are mixed
            here either way, with the partners that the inputs will have. 0 mixes all here.
        first_epoch, repeat, drop_remainder: see `index_batches`.
    """
    batches = index_batches(
        len(source.labels),
        batch_size,
        seed=seed,
        shuffle=True,
        block=source.block,
        first_epoch=first_epoch,
        repeat=repeat,
        drop_remainder=drop_remainder,
    )

    def mixed(epoch, indices, inputs, labels):
        mixing = draw_mixing(mixup, cutmix, seed=seed, epoch=epoch, indices=indices)
        labels = mix(labels, mixing, mixed_inside or 1)
        if mixed_inside:
            return {"inputs": unpacked(inputs), "mixing": mixing}, labels
        return unpacked([mix(tensor, mixing) for tensor in inputs]), labels

    return _labelled(batches, source, num_classes, mixed if mixup else _as_they_are)


def validation_batches(
    source: Images | Features, batch_size: int, *, num_classes: int
) -> tf.data.Dataset:
    """Returns batches of (inputs, one-hot labels) in order, each image once."""
    batches = index_batches(len(source.labels), batch_size, seed=0, shuffle=False)
    return _labelled(batches, source, num_classes, _as_they_are)


def _as_they_are(epoch, indices, inputs, labels):
    return unpacked(inputs), labels


def _labelled(batches, source, num_classes, finish):
    labels, load = tf.constant(source.labels), source.loader()

    def labelled(epoch, indices):
        one_hot = tf.one_hot(tf.gather(labels, indices), num_classes)
        return finish(epoch, indices, load(epoch, indices), one_hot)

    return batches.map(labelled, num_parallel_calls=2).prefetch(tf.data.AUTOTUNE)
