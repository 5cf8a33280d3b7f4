"""Log likelihood of images in nats, given a decoder's logits, and the cost of a code."""

import math

import numpy as np
import tensorflow as tf
from keras import ops

LIKELIHOODS = ("auto", "bernoulli", "gaussian")
IN_FILES = "likelihood"  # name of the index into `LIKELIHOODS`
_LOG_2PI = math.log(2 * math.pi)
_EXTREME, _MOSTLY = 0.1, 0.5
_LOOKED_AT = 1000


def choose_likelihood(images: np.ndarray) -> str:
    """Returns "bernoulli" for images that are nearly black and white, else "gaussian".

    The criterion: among the first 1,000 images at least half of the pixels are in the darkest or
    brightest tenth.

    Args:
        images: uint8 (n, h, w, c), c = 1 or 3. Colour images are always "gaussian".
    """
    if images.shape[-1] != 1:
        return "gaussian"
    scaled = images[:_LOOKED_AT] / 255.0
    extreme = np.mean((scaled < _EXTREME) | (scaled > 1.0 - _EXTREME))
    return "bernoulli" if extreme >= _MOSTLY else "gaussian"


def pop_likelihood(values: dict) -> str:
    """Removes the likelihood from the saved variables of a VAE and returns it.

    Args:
        values: dict, in which "0" is the learned scale. In files of earlier versions its presence
            alone determines the likelihood.
    """
    saved = LIKELIHOODS[int(values.pop(IN_FILES, 0))]
    return "gaussian" if saved == "auto" and "0" in values else saved


@tf.custom_gradient
def bernoulli_log_prob(targets: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Returns sum_j t_j log p_j + (1 - t_j) log(1 - p_j), where p = sigmoid(logits).

    With s = sigmoid(|logits|) the term is t l - max(l, 0) + log s, and p is s or 1 - s. One sigmoid
    therefore serves the term and its gradient, t - p. Differentiating the usual formula takes a
    dozen passes over the pixels. There is no gradient with respect to the targets.

    Args:
        targets: float32 (b, pixels), 0-1.
        logits: float32 (..., b, pixels).

    Returns:
        float32 (..., b), in nats.
    """
    larger = tf.sigmoid(tf.abs(logits))  # the larger of p and 1 - p
    each = targets * logits - tf.nn.relu(logits) + tf.math.log(larger)

    def gradient(upstream):
        p = tf.where(logits > 0, larger, 1.0 - larger)
        return None, (targets - p) * upstream[..., None]

    return tf.reduce_sum(each, axis=-1), gradient


def gaussian_log_prob(targets: tf.Tensor, logits: tf.Tensor, log_scale: tf.Tensor) -> tf.Tensor:
    """Returns the log density of pixels that are normal around sigmoid(logits).

    Args:
        targets: float32 (b, pixels), 0-1.
        logits: float32 (..., b, pixels).
        log_scale: float32 (), logarithm of the standard deviation of all pixels.

    Returns:
        float32 (..., b), in nats for pixels on a scale from 0 to 1.
    """
    distance = ops.square((targets - ops.sigmoid(logits)) * ops.exp(-log_scale))
    each = log_scale + 0.5 * _LOG_2PI
    return -0.5 * ops.sum(distance, axis=-1) - each * targets.shape[-1]


def kl_to_prior(mean: tf.Tensor, log_var: tf.Tensor) -> tf.Tensor:
    """Returns KL(N(mean, exp(log_var)) || N(0, 1)) per latent dimension, in nats, same shape."""
    return 0.5 * (ops.exp(log_var) + ops.square(mean) - 1.0 - log_var)


def log_prior_ratio(z: tf.Tensor, eps: tf.Tensor, log_var: tf.Tensor) -> tf.Tensor:
    """Returns log p(z) - log q(z | x) for z = mean + exp(log_var / 2) * eps.

    It is summed over the last axis.
    """
    return 0.5 * ops.sum(ops.square(eps) + log_var - ops.square(z), axis=-1)
