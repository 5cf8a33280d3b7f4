"""How likely images are under a decoder's logits, in nats, and what a code costs."""

import math

import numpy as np
import tensorflow as tf
from keras import ops

LIKELIHOODS = ("auto", "bernoulli", "gaussian")
IN_FILES = "likelihood"  # name of the place among `LIKELIHOODS`
_LOG_2PI = math.log(2 * math.pi)
_EXTREME, _MOSTLY = 0.1, 0.5
_LOOKED_AT = 1000


def choose_likelihood(images):
    """Returns "bernoulli" for images that are nearly black and white, else "gaussian".

    Nearly: of the first 1,000 at least half the pixels are in the darkest or brightest tenth.

    Args:
        images: uint8 (n, h, w, c), c = 1 or 3. Those in colour are always "gaussian".
    """
    if images.shape[-1] != 1:
        return "gaussian"
    scaled = images[:_LOOKED_AT] / 255.0
    extreme = np.mean((scaled < _EXTREME) | (scaled > 1.0 - _EXTREME))
    return "bernoulli" if extreme >= _MOSTLY else "gaussian"


def pop_likelihood(values):
    """Takes the likelihood, one of `LIKELIHOODS`, out of the saved variables of a VAE.

    Args:
        values: dict, in which "0" is the learned scale; files of earlier versions tell the
            likelihood by it alone.
    """
    saved = LIKELIHOODS[int(values.pop(IN_FILES, 0))]
    return "gaussian" if saved == "auto" and "0" in values else saved


@tf.custom_gradient
def bernoulli_log_prob(targets, logits):
    """sum_j t_j log p_j + (1 - t_j) log(1 - p_j), where p = sigmoid(logits).

    With s = sigmoid(|logits|) the term is t l - max(l, 0) + log s, and p is s or 1 - s: one
    sigmoid serves the term and its gradient, t - p, where differentiating the usual formula takes
    a dozen passes over the pixels. There is no gradient with respect to the targets.

    Args:
        targets: float32 (b, pixels), 0-1.
        logits: float32 (..., b, pixels).

    Returns:
        float32 (..., b), in nats.
    """
    larger = tf.sigmoid(tf.abs(logits))  # of p and 1 - p
    each = targets * logits - tf.nn.relu(logits) + tf.math.log(larger)

    def gradient(upstream):
        p = tf.where(logits > 0, larger, 1.0 - larger)
        return None, (targets - p) * upstream[..., None]

    return tf.reduce_sum(each, axis=-1), gradient


def gaussian_log_prob(targets, logits, log_scale):
    """The log density of pixels that are normal around sigmoid(logits).

    Args:
        targets: float32 (b, pixels), 0-1.
        logits: float32 (..., b, pixels).
        log_scale: float32 (), logarithm of the standard deviation, the same for all pixels.

    Returns:
        float32 (..., b), in nats for pixels on a scale from 0 to 1.
    """
    distance = ops.square((targets - ops.sigmoid(logits)) * ops.exp(-log_scale))
    each = log_scale + 0.5 * _LOG_2PI
    return -0.5 * ops.sum(distance, axis=-1) - each * targets.shape[-1]


def kl_to_prior(mean, log_var):
    """KL(N(mean, exp(log_var)) || N(0, 1)) of each latent number, in nats, same shape."""
    return 0.5 * (ops.exp(log_var) + ops.square(mean) - 1.0 - log_var)


def log_prior_ratio(z, eps, log_var):
    """log p(z) - log q(z | x) for z = mean + exp(log_var / 2) * eps, summed over the last axis."""
    return 0.5 * ops.sum(ops.square(eps) + log_var - ops.square(z), axis=-1)
