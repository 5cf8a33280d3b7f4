"""Class probabilities from a classifier."""

from collections.abc import Callable, Iterable, Iterator

import keras
import numpy as np
import tensorflow as tf

from tl_keras.data.inspection.first_batch import input_errors
from tl_keras.models.inference import traced
from tl_keras.models.signature import gives_logits, image_shape
from tl_keras.progress import track


def predict_probabilities(
    model: keras.Model, batches: Iterable, total: int | None = None, *, flips: bool = False
) -> np.ndarray:
    """Returns the probabilities of every class, in the order of the images.

    Args:
        model: built classifier, Functional, Sequential or a baseline. Logits are converted to
            probabilities.
        batches: iterable of image batches (b, h, w, c), or (b, h, w) for one channel, 0-255, or of
            (images, labels).
        total: number of batches for the progress bar; defaults to `len(batches)`.
        flips: whether to average over each image and its mirror image, in twice the time (test-time
            augmentation). For models trained on mirrored images too.

    Returns:
        float32 (n, num_classes).

    Raises:
        InputError: the model is not built, or does not take images.
    """
    return predict_views(model, batches, total, flips=flips).mean(axis=0)


@input_errors()
def predict_views(
    model: keras.Model, batches: Iterable, total: int | None = None, *, flips: bool = False
) -> np.ndarray:
    """Returns the probabilities of each view of the images, float32 (views, n, num_classes).

    The views are each image and, with `flips`, its mirror image. Of a model with several outputs
    each output has views of its own. Arguments and errors are those of `predict_probabilities`.
    """
    return np.concatenate(list(each_batch(model, batches, total, flips=flips)), axis=1)


def predict_outputs(
    model: keras.Model, batches: Iterable, total: int | None = None
) -> dict[str, np.ndarray]:
    """Returns the outputs of a model with several, {name: array (n, ...)}.

    Arguments and errors are those of `predict_probabilities`.
    """
    found = list(each_outputs(model, batches, total))
    return {name: np.concatenate([part[name] for part in found]) for name in found[0]}


@input_errors()
def each_outputs(
    model: keras.Model, batches: Iterable, total: int | None = None
) -> Iterator[dict[str, np.ndarray]]:
    """Yields the outputs of a model with several, batch by batch.

    Arguments and errors are those of `predict_probabilities`.
    """
    run = traced(lambda images: model(images, training=False), [image_shape(model)])
    for batch in track(batches, "Predicting", total):
        images = tf.cast(batch[0] if isinstance(batch, tuple) else batch, tf.float32)
        yield {name: output.numpy() for name, output in run(images).items()}


def each_batch(
    model: keras.Model, batches: Iterable, total: int | None = None, *, flips: bool = False
) -> Iterator[np.ndarray]:
    """Yields the result of `predict_views` batch by batch, so that nothing grows with the data.

    Arguments and errors are those of `predict_probabilities`.
    """
    run = probability_function(model, flips=flips)
    for batch in track(batches, "Predicting", total):
        images = tf.cast(batch[0] if isinstance(batch, tuple) else batch, tf.float32)
        yield run(images[..., None] if images.shape.rank == 3 else images).numpy()


def probability_function(model: keras.Model, *, flips: bool = False) -> Callable:
    """Returns a compiled function from float32 images (b, h, w, c) to (views, b, num_classes).

    Arguments and errors are those of `predict_probabilities`.
    """
    logits = gives_logits(model)

    def outputs_for(images):
        outputs = keras.tree.flatten(model(images, training=False))
        outputs = [tf.cast(each, tf.float32) for each in outputs]
        return tf.stack([tf.nn.softmax(each) if logits else each for each in outputs])

    def each_view(images):
        if not flips:
            return outputs_for(images)
        # One after the other: the model is traced once, and a step takes the room of one view.
        seen = tf.stack([images, tf.reverse(images, [2])])
        found = tf.map_fn(outputs_for, seen, parallel_iterations=1)
        return tf.reshape(found, tf.concat([[-1], tf.shape(found)[2:]], 0))

    return traced(each_view, [image_shape(model)])
