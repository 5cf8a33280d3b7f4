"""Losses of the generator and the discriminator of a GAN."""

from collections.abc import Callable

import keras
import tensorflow as tf
from keras import ops

LOSSES = ("non-saturating", "wgan-gp")


def discriminator_loss(
    real_logits: tf.Tensor, fake_logits: tf.Tensor, label_smoothing: float = 0.0
) -> tf.Tensor:
    """Returns the discriminator's cross-entropy on real and on generated images.

        -(1 - s) log D(x) - s log(1 - D(x)) - log(1 - D(G(z)))

    Only the label of real images is smoothed, to 1 - s. Smoothing both would encourage the
    generator to keep its mistakes.

    Args:
        real_logits, fake_logits: (b, 1).
        label_smoothing: float s in [0, 1). Defaults to 0.

    Returns:
        Scalar, the sum of both means; 2 log 2 for indistinguishable images and s = 0.

    Reference:
        Goodfellow et al. 2014, arXiv 1406.2661; smoothing: Salimans et al. 2016, arXiv 1606.03498.
    """
    on_real = ops.softplus(-real_logits) + label_smoothing * real_logits
    return ops.mean(on_real) + ops.mean(ops.softplus(fake_logits))


def generator_loss(fake_logits: tf.Tensor) -> tf.Tensor:
    """Returns the non-saturating loss -log D(G(z)); log 2 for indistinguishable images.

    Args:
        fake_logits: (b, 1).

    Reference:
        Goodfellow et al. 2014, arXiv 1406.2661, section 3.
    """
    return ops.mean(ops.softplus(-fake_logits))


def critic_loss(real_scores: tf.Tensor, fake_scores: tf.Tensor) -> tf.Tensor:
    """Returns the mean score of generated images minus that of real ones: -(Wasserstein estimate).

    Args:
        real_scores, fake_scores: (b, 1).

    Reference:
        Arjovsky, Chintala and Bottou 2017, arXiv 1701.07875.
    """
    return ops.mean(fake_scores) - ops.mean(real_scores)


def gradient_penalty(
    critic: Callable, real: tf.Tensor, fake: tf.Tensor, mix: tf.Tensor
) -> tf.Tensor:
    """Returns the mean of (|gradient of the critic| - 1)^2 between real and generated images.

    Args:
        critic: function (b, h, w, c) -> (b, 1) that treats each image separately.
        real, fake: (b, h, w, c), -1 to 1.
        mix: (b, 1, 1, 1), 0 for the real image to 1 for the generated one.

    Returns:
        Scalar.

    Reference:
        Gulrajani et al. 2017, arXiv 1704.00028.
    """
    between = ops.convert_to_tensor(real) + mix * (fake - real)
    with tf.GradientTape() as tape:
        tape.watch(between)
        scores = critic(between)
    slopes = tape.gradient(scores, between)
    # The square root has no gradient at exactly zero.
    norms = ops.sqrt(ops.sum(ops.square(slopes), axis=(1, 2, 3)) + keras.config.epsilon() ** 2)
    return ops.mean(ops.square(norms - 1.0))


def r1_penalty(slopes: tf.Tensor) -> tf.Tensor:
    """Returns the mean of |gradient of the discriminator|^2 at real images.

    Without it the discriminator becomes ever steeper, and the shares of the classes among the
    samples drift. With it the distribution of real images is a stable point.

    Args:
        slopes: (b, h, w, c), gradients of the logits with respect to the real images.

    Returns:
        Scalar.

    Reference:
        Mescheder, Geiger and Nowozin 2018, arXiv 1801.04406.
    """
    return ops.mean(ops.sum(ops.square(slopes), axis=(1, 2, 3)))
