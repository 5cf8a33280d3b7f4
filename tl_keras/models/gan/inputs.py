"""Inputs of the networks of a GAN: images, labels and paths between latent points."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from tl_keras.checks import InputError
from tl_keras.data.array_checks import check_images, check_labels, check_pixels
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.inspection.first_batch import check_first_batch
from tl_keras.data.pipelines.batches import build_pipeline

PIXEL_SCALE = {"scale": 1 / 127.5, "offset": -1.0}  # 0-255 to -1-1
_SOME = 1000  # images used to estimate the diversity of all


def to_unit(model: keras.Model, images: Any) -> tf.Tensor:
    """Returns images 0-255 as (b, h, w, c) in -1 to 1.

    Args:
        model: model with `input_shape` (None, h, w, c).
        images: (b, h, w, c), or (b, h, w) for one channel.

    Raises:
        InputError: the images have another size.
    """
    shape = tuple(images.shape)
    full = shape if len(shape) == 4 else (*shape, 1)
    expected = model.input_shape[1:]
    known = zip(full[1:], expected, strict=False)
    if len(full) != 4 or any(size not in (None, wanted) for size, wanted in known):
        raise InputError(
            f"Expected images of shape {expected}, for which the model was built; received "
            f"{shape[1:]}. Resize them or build another model."
        )
    images = ops.cast(ops.reshape(images, (-1, *expected)), "float32")
    return images * PIXEL_SCALE["scale"] + PIXEL_SCALE["offset"]


def to_pixels(images: Any) -> np.ndarray:
    """Returns images in -1 to 1, an array, as uint8 0-255."""
    pixels = (np.asarray(images) - PIXEL_SCALE["offset"]) / PIXEL_SCALE["scale"]
    return np.clip(np.round(pixels), 0, 255).astype(np.uint8)


def checked(x: Any) -> Any:
    """Returns images as uint8, or a `tf.data.Dataset` whose first batch is checked when read."""
    if isinstance(x, tf.data.Dataset):
        return check_first_batch(x, check_pixels)
    return x if isinstance(x, keras.utils.PyDataset) else check_images(x)


def checked_pair(data: Any) -> Any:
    """Applies `checked` to validation_data: images, (images, labels) or None."""
    if isinstance(data, tuple | list):
        return (checked(data[0]), *data[1:])
    return None if data is None else checked(data)


def one_hot_classes(labels: Any, num_classes: int) -> tf.Tensor:
    """Returns labels (b,), (b, 1) or one-hot (b, num_classes) as float32 (b, num_classes).

    Raises:
        InputError: `labels` is None.
    """
    if labels is None:
        raise InputError(
            f"Expected labels beside the images, for num_classes={num_classes}; received none. "
            "Give fit(x, y), or build the GAN without num_classes."
        )
    if len(labels.shape) == 2 and labels.shape[1] == num_classes:
        return ops.cast(labels, "float32")
    return tf.one_hot(tf.cast(tf.reshape(labels, [-1]), tf.int32), num_classes)


def class_rows(labels: Any, count: int, num_classes: int | None) -> np.ndarray | None:
    """Returns one-hot classes of images to sample, or None without classes.

    Args:
        labels: an int or (count,) ints; None for 0, 1, 2, ..., repeated.
        count: int, number of images.
        num_classes: int, or None.

    Returns:
        float32 (count, num_classes), or None.

    Raises:
        InputError: the labels are no classes, or are given without num_classes.
    """
    if not num_classes and labels is None:
        return None
    if not num_classes:
        raise InputError(
            "Expected no labels for a GAN without num_classes; received some. Build it with "
            "num_classes and train it on (x, y)."
        )
    labels = np.arange(count) % num_classes if labels is None else np.asarray(labels)
    whole = np.issubdtype(labels.dtype, np.integer) and labels.shape in ((), (count,))
    if not whole or labels.min() < 0 or labels.max() >= num_classes:
        raise InputError(
            f"Expected labels as an int or {count} ints from 0 to {num_classes - 1}; "
            f"received {labels.dtype} of shape {labels.shape}."
        )
    return np.eye(num_classes, dtype=np.float32)[np.broadcast_to(labels, (count,))]


def spherical(a: np.ndarray, b: np.ndarray, n: int) -> np.ndarray:
    """Returns `n` points from `a` to `b`, (d,) each, as float32 (n, d).

    Directions rotate at constant speed and lengths change linearly. Both ends are exact.
    """
    lengths = np.linalg.norm(a), np.linalg.norm(b)
    cosine = np.dot(a, b) / max(lengths[0] * lengths[1], 1e-12)
    angle = np.arccos(np.clip(cosine, -1.0, 1.0))
    part = np.linspace(0.0, 1.0, n)[:, None]
    if np.sin(angle) < 1e-6:  # no plane of rotation
        return ((1 - part) * a + part * b).astype(np.float32)
    turned = np.sin((1 - part) * angle) * a / lengths[0] + np.sin(part * angle) * b / lengths[1]
    length = (1 - part) * lengths[0] + part * lengths[1]
    return (length * turned / np.sin(angle)).astype(np.float32)


def training_input(
    model: keras.Model, x: Any, y: Any, batch_size: int
) -> tuple[dict, np.ndarray | None]:
    """Returns checked (arguments of `keras.Model.fit`, some of the images or None).

    On several replicas the incomplete last batch is dropped, because one of them could get no
    images. The order then depends on the seed alone, so that all processes have the same.

    Args:
        model: the GAN.
        x, y: see `GAN.fit`.
        batch_size: int.
    """
    if isinstance(x, tf.data.Dataset):
        return {"x": checked(x)}, None
    replicas = model.distribute_strategy.num_replicas_in_sync
    drop = replicas > 1 and x is not None and len(x) >= batch_size
    if isinstance(x, ImageDataset):
        return _dataset_input(model, x, batch_size, drop)
    x = check_images(x)
    if model.num_classes:
        y = None if y is None else check_labels(y, len(x), class_names=range(model.num_classes))
        one_hot_classes(y, model.num_classes)  # refuses None
    else:
        y = None
    if not drop:
        return {"x": x, "y": y, "batch_size": batch_size}, x[:_SOME]
    batches = tf.data.Dataset.from_tensor_slices(x if y is None else (x, y))
    batches = batches.shuffle(len(x), seed=model.seed or 0).batch(batch_size, drop_remainder=True)
    return {"x": batches}, x[:_SOME]


def _dataset_input(model, dataset, batch_size, drop):
    *size, channels = model.input_shape[1:]
    if model.num_classes and (
        dataset.labels is None or int(dataset.labels.max()) >= model.num_classes
    ):
        raise InputError(
            f"Expected labels below num_classes={model.num_classes}; received {dataset.source} "
            f"with classes {dataset.class_names or 'unknown'}."
        )
    batches = build_pipeline(
        dataset,
        batch_size,
        image_size=tuple(size),
        channels=channels,
        training=True,
        seed=model.seed or 0,
        first_epoch=lambda: model.epochs_trained,
        drop_remainder=drop,
    )
    some = dataset.subset(np.arange(min(len(dataset), _SOME))).decoded(tuple(size))
    return {"x": batches, "shuffle": False}, some
