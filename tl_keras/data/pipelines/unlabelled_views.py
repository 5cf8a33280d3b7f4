"""Batches of labelled images, each with several unlabelled ones in a weak and a strong view."""

from typing import Any

import tensorflow as tf

from tl_keras.data.dataset import ImageDataset
from tl_keras.data.pipelines.augmentation import augment_images
from tl_keras.data.pipelines.batches import image_gatherer, index_batches

_STREAM = 2**32  # seeds are smaller; each use of random numbers adds a multiple of this


def slots(num_labelled: int, num_unlabelled: int, ratio: int) -> int:
    """Returns the number of labelled places in an epoch, which covers all images of either kind."""
    return max(num_labelled, num_unlabelled // ratio)


def build_unlabelled_views(
    labelled: ImageDataset,
    unlabelled: ImageDataset,
    batch_size: int,
    *,
    size: int,
    ratio: int,
    image_size: tuple[int, int],
    channels: int,
    weak: str,
    strong: str,
    seed: int,
    **order: Any,
) -> tf.data.Dataset:
    """Returns batches for `FixMatch`.

    Labelled images are repeated as often as an epoch needs them, each as often as any other. Each
    repetition is augmented anew. The images of both kinds are shuffled. The result depends on
    (seed, epoch, position in the epoch) alone.

    Args:
        labelled: labelled `ImageDataset`.
        unlabelled: `ImageDataset` or None. Its labels, if any, are passed on as "hidden". None
            yields the labelled images alone, unchanged by the absence of unlabelled ones.
        batch_size: labelled images per batch.
        size: labelled images per epoch, see `slots`.
        ratio: unlabelled images per labelled image.
        image_size: (height, width).
        channels: 3 for RGB, 1 for luminance.
        weak, strong: names of augmentations. Labelled images are augmented by `weak`.
        seed: integer from 0 to 2^32 - 1.
        **order: `first_epoch`, `repeat` and `drop_remainder` of `index_batches`.

    Returns:
        tf.data.Dataset of (inputs, labels int32 (b,)). `inputs` are float32 0-255: "images"
        (b, h, w, c), "weak" and "strong" (b, ratio, h, w, c). If the unlabelled images have labels,
        "hidden" holds them, int32 (b, ratio).
    """
    gather = image_gatherer(labelled, image_size, channels)

    def load_labelled(epoch, places):
        rows = (epoch * size + places) % len(labelled)
        images = augment_images(gather(rows), weak, seed=seed, epoch=epoch, indices=places)
        return images, tf.gather(labelled.labels, rows)

    parallel = {"num_parallel_calls": tf.data.AUTOTUNE}
    order = {"seed": seed, "shuffle": True, **order}
    batches = index_batches(size, batch_size, **order).map(load_labelled, **parallel)
    if unlabelled is None:
        return batches.prefetch(tf.data.AUTOTUNE)
    order["seed"] += _STREAM
    load_unlabelled = _loading(unlabelled, size * ratio, image_size, channels, weak, strong, seed)
    views = index_batches(size * ratio, batch_size * ratio, **order).map(
        load_unlabelled, **parallel
    )

    def together(taught, untaught):
        images, labels = taught
        # Nested, so that replicas divide each part of a batch at the same positions.
        nested = {
            name: tf.reshape(part, (-1, ratio, *part.shape[1:])) for name, part in untaught.items()
        }
        return {"images": images, **nested}, labels

    return tf.data.Dataset.zip(batches, views).map(together).prefetch(tf.data.AUTOTUNE)


def _loading(unlabelled, size, image_size, channels, weak, strong, seed):
    """Returns a function from (epoch, places (b,)) to both views of images, `size` per epoch."""
    gather = image_gatherer(unlabelled, image_size, channels)

    def load(epoch, places):
        rows = (epoch * size + places) % len(unlabelled)
        images = gather(rows)
        views = {
            name: augment_images(
                images, augment, seed=seed + stream * _STREAM, epoch=epoch, indices=places
            )
            for stream, (name, augment) in enumerate({"weak": weak, "strong": strong}.items(), 1)
        }
        if unlabelled.labels is not None:
            views["hidden"] = tf.gather(unlabelled.labels, rows)
        return views

    return load
