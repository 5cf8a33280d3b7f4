"""What a Keras user gives to `fit` of a model that learns from two views, as batches of pairs."""

import numpy as np
import tensorflow as tf

from tl_keras.checks import InputError
from tl_keras.data.array_checks import check_pixels, check_scale
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.inspection.first_batch import check_first_batch
from tl_keras.data.pipelines.two_views import add_views, check_pairs, two_view_batches
from tl_keras.models.own_loss import without_weights

BATCH_SIZE = 256


def training_batches(model, x, y=None, *, training, augment="auto", batch_size=None):
    """Returns batches of ((view_1, view_2),) or ((view_1, view_2), labels) for `model`.

    Args:
        model: `TwoViewModel`.
        x, y, augment, batch_size: see `TwoViewModel.fit`.
        training: whether views differ from epoch to epoch and the order is random.

    Raises:
        InputError: `x` is none of these, or there is not a batch of at least two images.
    """
    how = {"training": training, "seed": model.seed or 0, "augment": augment}
    how["first_epoch"] = lambda: model.epochs_trained
    if isinstance(x, tf.data.Dataset):
        if batch_size is not None:
            raise InputError(
                f"Expected no batch_size beside a tf.data.Dataset, which has its own; received "
                f"batch_size={batch_size}. Leave it out."
            )
        if _has_pairs(x.element_spec):
            return check_first_batch(x, _check_views, parts=2)
        return add_views(check_first_batch(x, check_pixels), **how)
    if isinstance(x, np.ndarray | list):
        x = ImageDataset.from_arrays(np.asarray(x), y)
    if not isinstance(x, ImageDataset):
        raise InputError(
            "Expected images as an array, an ImageDataset or a tf.data.Dataset; received "
            f"{type(x).__name__}."
        )
    return dataset_batches(model, x, batch_size or min(BATCH_SIZE, len(x)), **how)


def dataset_batches(model, dataset, batch_size, *, training, **how):
    """`two_view_batches` in the size of `model`, with labels if it looks at them.

    Args:
        model: `TwoViewModel`.
        dataset: `ImageDataset`.
        batch_size: images; where they are fewer and not for training, all are one batch.
        training, **how: see `two_view_batches`.

    Raises:
        InputError: the model needs labels and there are none, or there is not a whole batch.
    """
    check_pairs(batch_size)
    if model.uses_labels and dataset.labels is None:
        raise InputError(
            f"Expected labels, by which {type(model).__name__} knows what belongs together; "
            f"received {dataset.source} without. Give them, or use SimCLR."
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
        **how,
    )
    return batches if model.uses_labels else batches.map(lambda views, *labels: (views,))


def paired(model, data):
    """(view_1, view_2), labels or None, from one element of a data set for `model`.

    Raises:
        InputError: there are no two views in it, or sample weights.
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
    # Somebody's own may go beyond 0 or 255 a little.
    for view in views:
        check_scale(view, "the views")


def _has_pairs(spec):
    """Whether the elements of such a specification are pairs of views."""
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
