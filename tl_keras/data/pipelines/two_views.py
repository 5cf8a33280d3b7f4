"""Two random views of each image, fixed by (seed, epoch, index)."""

from collections.abc import Callable

import tensorflow as tf

from tl_keras.checks import check_choice, check_number
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.images import check_image_size
from tl_keras.data.pipelines.augmentation import change_images
from tl_keras.data.pipelines.augmentation_presets import VIEWS, auto_preset
from tl_keras.data.pipelines.batches import image_gatherer, index_batches, numbered_epochs

HELD_OUT_EPOCH = -1  # validation always uses the views of one epoch, so that epochs are comparable


def two_views(
    images: tf.Tensor,
    name: str,
    *,
    seed: int | tf.Tensor,
    epoch: int | tf.Tensor,
    indices: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Augments each image twice at random, with two draws fixed by (seed, epoch, index).

    Args:
        images: float32 (b, h, w, c), 0-255.
        name: one of `VIEWS`. "digits" rotates, shears, scales and crops a little. "cifar" (for
            small natural images) and "photos" crop to a small part, mirror, and change or remove
            colours.
        seed: integer.
        epoch: int64 scalar, or an integer.
        indices: int64 (b,), index of each image in the dataset.

    Returns:
        Two float32 tensors (b, h, w, c), 0-255.

    Reference:
        Chen, Kornblith, Norouzi, Hinton 2020, arXiv 2002.05709; here without blur.
    """
    preset = VIEWS[check_choice("augment", name, tuple(VIEWS))]
    draws = 2 * tf.cast(epoch, tf.int64)
    return tuple(
        change_images(images, preset, seed=seed, epoch=draws + view, indices=indices)
        for view in (0, 1)
    )


def resolve_views(
    augment: str, *, is_grayscale: bool, image_size: tuple[int, int], sounds: bool = False
) -> str:
    """Returns the name of a preset; "auto" depends on the images as the network sees them.

    Args:
        augment: one of `VIEWS` or "auto".
        is_grayscale: bool.
        image_size: (height, width).
        sounds: whether the images are spectrograms.

    Raises:
        InputError: there is no such name.
    """
    if check_choice("augment", augment, ("auto", *VIEWS)) != "auto":
        return augment
    return "audio" if sounds else auto_preset(is_grayscale, image_size)


def two_view_batches(
    dataset: ImageDataset,
    batch_size: int,
    *,
    image_size: tuple[int, int],
    channels: int = 3,
    training: bool = True,
    seed: int = 0,
    augment: str = "auto",
    first_epoch: int | Callable[[], int] = 0,
    repeat: bool = False,
) -> tf.data.Dataset:
    """Returns batches of pairs of views, without an incomplete last batch.

    Grey images are augmented and returned in one channel. Without `training` the order is kept and
    the views are the same in each epoch.

    Args:
        dataset: `ImageDataset`.
        batch_size: int, at least 2: each image is compared with the others of its batch.
        image_size: (height, width).
        channels: 3 for RGB, 1 for luminance.
        training: whether to shuffle and to draw new views in each epoch.
        seed: integer.
        augment: one of `VIEWS` or "auto".
        first_epoch, repeat: see `index_batches`.

    Returns:
        tf.data.Dataset of ((view_1, view_2), labels int32 (b,)), or of ((view_1, view_2),) if
        the dataset has no labels. Views are float32 (b, h, w, 1 or channels), 0-255.

    Raises:
        InputError: an argument is invalid, or the images do not fill one batch.
    """
    check_pairs(batch_size)
    image_size = check_image_size(image_size)
    gray = dataset.is_grayscale
    name = resolve_views(
        augment,
        is_grayscale=gray or channels == 1,
        image_size=image_size,
        sounds=bool(dataset.sounds),
    )
    batches = index_batches(
        len(dataset),
        batch_size,
        seed=seed,
        shuffle=training,
        block=dataset.block,
        first_epoch=first_epoch,
        repeat=repeat,
        drop_remainder=True,
    )
    gather = image_gatherer(dataset, image_size, 1 if gray else channels)

    def load_batch(epoch, indices):
        epoch = epoch if training else HELD_OUT_EPOCH
        views = two_views(gather(indices), name, seed=seed, epoch=epoch, indices=indices)
        return (views,) if dataset.labels is None else (views, tf.gather(dataset.labels, indices))

    return batches.map(load_batch, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def add_views(
    batches: tf.data.Dataset,
    *,
    training: bool = True,
    seed: int = 0,
    augment: str = "auto",
    first_epoch: int | Callable[[], int] = 0,
) -> tf.data.Dataset:
    """Replaces each image of a user's `tf.data.Dataset` by two views.

    Args:
        batches: tf.data.Dataset of images (b, h, w), (b, h, w, 1) or (b, h, w, 3), 0-255, or of
            (images, labels). The views of an image depend on its position in the epoch.
        training, seed, augment: see `two_view_batches`.
        first_epoch: see `numbered_epochs`.

    Returns:
        tf.data.Dataset like the result of `two_view_batches`.
    """
    shape = tf.nest.flatten(batches.element_spec)[0].shape
    gray = len(shape) == 3 or shape[3] == 1
    name = resolve_views(augment, is_grayscale=gray, image_size=tuple(shape[1:3]))

    def views_of(epoch, place, images, *labels):
        indices = place * tf.int32.max + tf.range(tf.shape(images)[0], dtype=tf.int64)
        images = tf.cast(images if len(shape) == 4 else images[..., None], tf.float32)
        return two_views(images, name, seed=seed, epoch=epoch, indices=indices), *labels

    def epoch_of(epoch):
        epoch = epoch if training else tf.constant(HELD_OUT_EPOCH, tf.int64)
        numbered = batches.enumerate()
        return numbered.map(
            lambda place, batch: views_of(epoch, place, *tf.nest.flatten(batch)),
            num_parallel_calls=tf.data.AUTOTUNE,
        )

    viewed = numbered_epochs(first_epoch).flat_map(epoch_of)
    known = tf.data.experimental.assert_cardinality(batches.cardinality())
    return (viewed.apply(known) if batches.cardinality() >= 0 else viewed).prefetch(2)


def check_pairs(batch_size: int) -> None:
    """Refuses a batch size below 2, which leaves no other image to compare with."""
    check_number("batch_size", batch_size, minimum=2, integer=True)
