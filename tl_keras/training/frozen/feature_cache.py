"""What a training phase reads: pictures, or the cached output of the frozen part on them.

Both kinds have the same methods, so a phase need not know which it trains on. A frozen part gives
the same output every epoch; run once and kept, the rest trains several times faster with equal
results.
"""

import dataclasses
import functools
import math

import numpy as np
import tensorflow as tf

from tl_keras.data.array_store import allocate, release_pages
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.pipelines.augmentation import augment_images, luminance
from tl_keras.data.pipelines.batches import index_batches
from tl_keras.data.pipelines.mixing import draw_mixing, mix
from tl_keras.models.inference import traced
from tl_keras.progress import track
from tl_keras.training.frozen.cutting import unpacked


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
    def labels(self):
        return self.dataset.labels

    @property
    def distinct_views(self):
        """How many versions of each picture there are."""
        if self.augment == "none":
            return 2 if self.mirrored else 1
        return math.inf

    @property
    def first_view(self):
        """Each image once, as it is."""
        return dataclasses.replace(self, mirrored=False)

    def loader(self):
        """Returns a function from (epoch, indices (b,)) tensors to the list of input tensors.

        Files are decoded here and not in `tf.data`, which would bury what is said of a bad one.
        The epoch is one number, or one for each picture.
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

    @property
    def distinct_views(self):
        """How many versions of each picture there are."""
        return self.arrays[0].shape[0]

    @property
    def first_view(self):
        """The first version of each image alone."""
        return dataclasses.replace(self, arrays=[array[:1] for array in self.arrays])

    def first(self, count):
        """The first images alone, with their views; nothing is copied."""
        arrays = [array[:, :count] for array in self.arrays]
        return dataclasses.replace(self, arrays=arrays, labels=self.labels[:count])

    def loader(self):
        """Returns a function from (epoch, indices (b,)) tensors to the list of input tensors.

        Each picture goes through all its views, one an epoch.
        """

        def load(epoch, indices):
            views = self.view_of(epoch, indices)
            return [self._rows(array, views, indices) for array in self.arrays]

        return load

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
    run = traced(
        lambda *i: prefix(unpacked(i), training=False), [i.shape[1:] for i in prefix.inputs]
    )
    count = views * math.ceil(size / batch_size)
    batches = index_batches(size, batch_size, seed=0, shuffle=False, repeat=True).take(count)
    load = source.loader()
    # Pictures are changed for the next steps while the frozen part runs on these.
    loaded = batches.map(
        lambda view, indices: (view, indices, tuple(load(view, indices))),
        num_parallel_calls=2,
    ).prefetch(4)
    for view, indices, inputs in track(loaded, "Running the frozen part once", count):
        rows = slice(int(indices[0]), int(indices[-1]) + 1)
        for array, output in zip(arrays, tf.nest.flatten(run(*inputs)), strict=True):
            array[int(view), rows] = output.numpy()
            release_pages(array)
    return Features(arrays, source.labels)


def training_batches(
    source,
    batch_size,
    *,
    num_classes,
    seed,
    mixup=0.0,
    cutmix=0.0,
    mixed_inside=0,
    first_epoch=0,
    repeat=True,
    drop_remainder=False,
):
    """A `tf.data.Dataset` of (inputs, one-hot labels), keyed by (seed, epoch, index).

    A label below 0 gives a row of zeros.

    Args:
        source: `Pictures` or `Features`.
        batch_size: examples a step.
        num_classes: width of the labels.
        seed: integer.
        mixup, cutmix: alpha and cut of `data.pipelines.mixing`; mixup=0 for none.
        mixed_inside: number of replicas on which the model mixes what its frozen part gives:
            inputs are then {"inputs": the inputs as they are, "mixing": (b, 5)}. Labels are mixed
            here either way, with the partners that the inputs will have. 0 mixes all here.
        first_epoch, repeat, drop_remainder: see `index_batches`.
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

    def mixed(epoch, indices, inputs, labels):
        mixing = draw_mixing(mixup, cutmix, seed=seed, epoch=epoch, indices=indices)
        labels = mix(labels, mixing, mixed_inside or 1)
        if mixed_inside:
            return {"inputs": unpacked(inputs), "mixing": mixing}, labels
        return unpacked([mix(tensor, mixing) for tensor in inputs]), labels

    return _labelled(batches, source, num_classes, mixed if mixup else _as_they_are)


def validation_batches(source, batch_size, *, num_classes):
    """A `tf.data.Dataset` of (inputs, one-hot labels) in order, each picture once."""
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
