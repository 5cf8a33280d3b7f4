"""Conversion of the inputs of `fit` to batches of pairs of views."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tl_keras.checks import InputError
from tl_keras.data.array_checks import check_pixels, check_scale
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.inspection.first_batch import check_first_batch
from tl_keras.data.pipelines.two_views import add_views, check_pairs, two_view_batches
from tl_keras.models.steps.own_loss import without_weights

BATCH_SIZE = 256


def training_batches(
    model: keras.Model,
    x: Any,
    y: Any = None,
    *,
    training: bool,
    augment: str = "auto",
    batch_size: int | None = None,
) -> tf.data.Dataset:
    """Returns batches of ((view_1, view_2),) or ((view_1, view_2), labels) for `model`.

    Args:
        model: `TwoViewModel`.
        x, y, augment, batch_size: see `TwoViewModel.fit`.
        training: whether views differ between epochs and the order is random.

    Raises:
        InputError: `x` is none of these, or the images do not fill a batch of at least two.
    """
    options = {"training": training, "seed": model.seed or 0, "augment": augment}
    options["first_epoch"] = lambda: model.epochs_trained
    if isinstance(x, tf.data.Dataset):
        if batch_size is not None:
            raise InputError(
                f"Expected no batch_size beside a tf.data.Dataset, which has its own; received "
                f"batch_size={batch_size}. Leave it out."
            )
        if _has_pairs(x.element_spec):
            return check_first_batch(x, _check_views, parts=2)
        return add_views(check_first_batch(x, check_pixels), **options)
    if isinstance(x, np.ndarray | list):
        x = ImageDataset.from_arrays(np.asarray(x), y)
    if not isinstance(x, ImageDataset):
        raise InputError(
            "Expected images as an array, an ImageDataset or a tf.data.Dataset; received "
            f"{type(x).__name__}."
        )
    return dataset_batches(model, x, batch_size or min(BATCH_SIZE, len(x)), **options)


def dataset_batches(
    model: keras.Model, dataset: ImageDataset, batch_size: int, *, training: bool, **options: Any
) -> tf.data.Dataset:
    """Returns `two_view_batches` at the size of `model`, with labels if it uses them.

    Args:
        model: `TwoViewModel`.
        dataset: `ImageDataset`.
        batch_size: images per batch. For evaluation, fewer images form one batch.
        training, **options: see `two_view_batches`.

    Raises:
        InputError: the model needs labels and there are none, or the images do not fill a batch.
    """
    check_pairs(batch_size)
    if model.uses_labels and dataset.labels is None:
        raise InputError(
            f"Expected labels, which {type(model).__name__} learns from; "
            f"received {dataset.source} without labels. Give labels, or use SimCLR."
        )
    if not training:
        batch_size = max(2, min(batch_size, len(dataset)))
    if len(dataset) < batch_size:
        raise InputError(
            f"Expected at least {batch_size} images, one batch of pairs of views; received "
            f"{len(dataset)}. Use a smaller batch_size or more images."
        )
    *image_size, channels = model.input_shape[1:]
    batches = two_view_batches(
        dataset,
        batch_size,
        image_size=tuple(image_size),
        channels=channels,
        training=training,
        **options,
    )
    return batches if model.uses_labels else batches.map(lambda views, *labels: (views,))


def paired(model: keras.Model, data: Any) -> tuple:
    """Returns (view_1, view_2) and labels or None, from one element of a dataset for `model`.

    Raises:
        InputError: the element has no two views, or has sample weights.
    """
    x, y = without_weights(model, data)
    if isinstance(x, tuple | list) and len(x) == 2:
        return tuple(x), y
    if y is not None and len(y.shape) == len(x.shape) >= 3:
        return (x, y), None
    raise InputError(
        "Expected two views of each image, (view_1, view_2) or ((view_1, view_2), labels); "
        f"received images {tuple(x.shape)}. Let fit of the model make them."
    )


def _check_views(*views):
    # Views of the user may go slightly beyond 0 or 255.
    for view in views:
        check_scale(view, "the views")


def _has_pairs(spec):
    """Returns whether the elements of such a specification are pairs of views."""
    parts = spec if isinstance(spec, tuple) else (spec,)
    if isinstance(parts[0], tuple | list):
        return True
    ranks = [len(part.shape) for part in parts]
    if ranks[0] not in (3, 4) or len(ranks) > 2:
        raise InputError(
            "Expected a tf.data.Dataset of batches of images (b, h, w, c), of (images, labels) "
            f"or of pairs of views; received elements {spec}."
        )
    return len(ranks) == 2 and ranks[1] == ranks[0]
