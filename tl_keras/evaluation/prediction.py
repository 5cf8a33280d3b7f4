"""Class probabilities from a classifier."""

import numpy as np
import tensorflow as tf

from tl_keras.models.signature import gives_logits, picture_shape
from tl_keras.progress import track


def predict_probabilities(model, batches, total=None):
    """Returns the probabilities of every class, in the order of the pictures.

    Args:
        model: built classifier, Functional, Sequential or a baseline; logits are turned into
            probabilities.
        batches: iterable of picture batches (b, h, w, c), or (b, h, w) for one channel, 0-255; or
            of (pictures, labels).
        total: number of batches, for the progress shown; defaults to `len(batches)`.

    Returns:
        float32 (n, num_classes).

    Raises:
        InputError: the model is not built, or does not take pictures.
    """
    signature = [tf.TensorSpec((None, *picture_shape(model)), tf.float32)]
    run = tf.function(lambda pictures: model(pictures, training=False), input_signature=signature)
    logits = gives_logits(model)
    results = []
    for batch in track(batches, "Predicting", total):
        pictures = tf.cast(batch[0] if isinstance(batch, tuple) else batch, tf.float32)
        outputs = run(pictures[..., None] if pictures.shape.rank == 3 else pictures)
        results.append((tf.nn.softmax(outputs) if logits else outputs).numpy())
    return np.concatenate(results)
