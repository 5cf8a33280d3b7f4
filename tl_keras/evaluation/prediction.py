"""Class probabilities from a classifier."""

import keras
import numpy as np
import tensorflow as tf

from tl_keras.progress import track


def predict_probabilities(model, batches, total=None):
    """Returns the probabilities of every class, in the order of the pictures.

    Args:
        model: classifier; logits are turned into probabilities.
        batches: iterable of picture batches (b, h, w, 3), 0-255, or of (pictures, labels).
        total: number of batches, for the progress shown; defaults to `len(batches)`.

    Returns:
        float32 (n, num_classes).
    """
    signature = [tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)]
    run = tf.function(lambda pictures: model(pictures, training=False), input_signature=signature)
    logits = model.layers[-1].activation is keras.activations.linear
    results = []
    for batch in track(batches, "Predicting", total):
        pictures = batch[0] if isinstance(batch, tuple) else batch
        outputs = run(tf.cast(pictures, tf.float32))
        results.append((tf.nn.softmax(outputs) if logits else outputs).numpy())
    return np.concatenate(results)
