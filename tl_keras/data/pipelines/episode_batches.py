"""Batches of episodes for `fit`, fixed by (seed, epoch, index)."""

from collections.abc import Callable

import tensorflow as tf

from tl_keras.checks import check_choice, check_number
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.images import check_image_size
from tl_keras.data.pipelines.augmentation import augment_images
from tl_keras.data.pipelines.augmentation_presets import AUGMENTATIONS, auto_preset
from tl_keras.data.pipelines.batches import image_gatherer, index_batches
from tl_keras.data.pipelines.deformations import Deformation, deform_images
from tl_keras.data.pipelines.episodes import Tasks

CHARACTERS = "characters"
EPISODE_AUGMENTATIONS = (CHARACTERS, *AUGMENTATIONS)


def episode_batches(
    tasks: Tasks,
    *,
    image_size: tuple[int, int],
    channels: int = 3,
    episodes_per_epoch: int = 100,
    episodes_per_batch: int = 1,
    training: bool = True,
    augment: str | Deformation = "auto",
    first_epoch: int | Callable[[], int] = 0,
    repeat: bool = False,
) -> tf.data.Dataset:
    """Returns batches of episodes, each a pair of images to learn from and to recognise.

    Only the rows of an episode are drawn; its images come from one array, and are augmented in the
    graph of the pipeline. Characters are deformed from pixels twice as fine, where the dataset has
    such. Without `training` each epoch has the same episodes, not augmented.

    Args:
        tasks: `Tasks` of the training images.
        image_size: (height, width).
        channels: 3 for RGB, 1 for luminance. Grey images are returned in one channel.
        episodes_per_epoch: int, at least `episodes_per_batch`.
        episodes_per_batch: int; replicas share them.
        training: whether each epoch has new episodes.
        augment: one of `EPISODE_AUGMENTATIONS`, a `Deformation`, or "auto": "characters" for grey
            images.
        first_epoch, repeat: see `index_batches`.

    Returns:
        tf.data.Dataset of ((support, query),), float32 (e, n_way, k_shot or n_query, h, w, c),
        0-255. The images at [e, i] are of one class.

    Raises:
        InputError: an argument is invalid.
    """
    dataset, sampler = tasks.dataset, tasks.sampler
    check_number("episodes_per_batch", episodes_per_batch, minimum=1, integer=True)
    check_number("episodes_per_epoch", episodes_per_epoch, minimum=1, integer=True)
    size = check_image_size(image_size)
    depth = 1 if dataset.is_grayscale else channels
    change, finer = _as_it_is, 1
    if training:
        chosen = resolve_episode_augment(augment, dataset, size)
        change, finer = _changing(chosen, sampler.seed, size), _finer(chosen, dataset, size)
    gather = image_gatherer(dataset, tuple(finer * side for side in size), depth)
    per_episode = sampler.n_way * sampler.per_class
    batches = index_batches(
        episodes_per_epoch,
        episodes_per_batch,
        seed=sampler.seed,
        shuffle=training,
        first_epoch=first_epoch,
        repeat=repeat,
        drop_remainder=True,
    )

    def load(epoch, places):
        epoch = epoch if training else tf.zeros_like(epoch)
        numbers = epoch * episodes_per_epoch + places
        rows = tf.numpy_function(tasks.draw_rows, [numbers], tf.int64, stateful=False)
        rows = tf.reshape(rows, [episodes_per_batch * per_episode])
        keys = places[:, None] * per_episode + tf.range(per_episode, dtype=tf.int64)
        images = change(gather(rows), epoch, tf.reshape(keys, [-1]))
        shape = (episodes_per_batch, sampler.n_way, sampler.per_class, *size, images.shape[-1])
        images = tf.reshape(images, shape)
        return ((images[:, :, : sampler.k_shot], images[:, :, sampler.k_shot :]),)

    return batches.map(load, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def resolve_episode_augment(
    augment: str | Deformation, dataset: ImageDataset, image_size: tuple[int, int]
) -> str | Deformation:
    """Returns the name of a preset, or the `Deformation` that was given; see `episode_batches`."""
    if isinstance(augment, Deformation):
        return augment
    if check_choice("augment", augment, ("auto", *EPISODE_AUGMENTATIONS)) != "auto":
        return augment
    return CHARACTERS if dataset.is_grayscale else auto_preset(False, image_size)


def _as_it_is(images, epoch, indices):
    return images


def _finer(augment, dataset, image_size):
    """Returns by how much finer the pixels are that are deformed, where there are such."""
    if _deformation(augment) is None or dataset.is_files:
        return 1
    large = all(
        2 * side <= given for side, given in zip(image_size, dataset.images.shape[1:3], strict=True)
    )
    return 2 if large else 1


def _deformation(augment):
    if isinstance(augment, Deformation):
        return augment
    return Deformation() if augment == CHARACTERS else None


def _changing(augment, seed, image_size):
    """Returns a function (images, epoch, indices) that augments images."""
    strength = _deformation(augment)

    def change(images, epoch, indices):
        keys = {"seed": seed, "epoch": epoch, "indices": indices}
        if strength is None:
            return augment_images(images, augment, **keys)
        return deform_images(images, strength, image_size=image_size, **keys)

    return change
