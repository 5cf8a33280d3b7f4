"""Weights that make every class count the same in the loss, however many images it has."""

import numpy as np
import tensorflow as tf

from tl_keras.settings.fine_tune import ClassWeights

BALANCED = "balanced"


def image_weights(labels: np.ndarray, class_weights: ClassWeights) -> np.ndarray | None:
    """Returns the weight of each image in a loss.

    An image of class c weighs n / (classes * n_c): the mean is 1, and every class that is there
    has the same sum.

    Args:
        labels: ints (n,), from 0.

    Returns:
        float32 (n,), or None for "none".
    """
    return per_class(labels)[labels] if class_weights == BALANCED else None


def per_class(labels: np.ndarray, num_classes: int | None = None) -> np.ndarray:
    """Returns the weight of an image of each class, float32 (num_classes,); 0 for an absent one."""
    counts = np.bincount(labels, minlength=num_classes or 0)
    present = counts > 0
    weights = np.zeros(len(counts), np.float32)
    weights[present] = len(labels) / (present.sum() * counts[present])
    return weights


def weigh_batches(
    batches: tf.data.Dataset, labels: np.ndarray, num_classes: int
) -> tf.data.Dataset:
    """Adds to each batch the weights of its images.

    An image mixed of several keeps its share of the weight of each: the loss is the mean of theirs,
    by share and weight. So the labels change, to the weighted shares.

    Args:
        batches: `tf.data.Dataset` of (inputs, labels (b, num_classes)), one-hot or mixed.
        labels: ints (n,), all those that the batches are made of.

    Returns:
        `tf.data.Dataset` of (inputs, labels, weights (b,)).
    """
    weights = tf.constant(per_class(labels, num_classes))

    def weigh(inputs, targets):
        weighted = targets * weights
        total = tf.reduce_sum(weighted, axis=1)
        return inputs, tf.math.divide_no_nan(weighted, total[:, None]), total

    return batches.map(weigh)


def equal_images(labels: np.ndarray) -> float:
    """Returns the number of equally weighted images that tell as much as these, balanced.

    (sum w)^2 / sum w^2, after Kish: less than n where classes differ in size.
    """
    weights = image_weights(labels, BALANCED)
    return float(weights.sum() ** 2 / np.square(weights).sum())
