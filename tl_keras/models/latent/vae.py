"""The variational autoencoder."""

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from tl_keras.checks import InputError, check_choice, check_number
from tl_keras.models.latent.importance import importance_bound
from tl_keras.models.latent.latent_model import LatentModel
from tl_keras.models.latent.likelihoods import (
    IN_FILES,
    LIKELIHOODS,
    bernoulli_log_prob,
    choose_likelihood,
    gaussian_log_prob,
    kl_to_prior,
    log_prior_ratio,
    pop_likelihood,
)
from tl_keras.models.steps.random_numbers import draw_binary, next_seed

OBJECTIVES = ("elbo", "iwae")
_VALUES_AT_ONCE = 2**21  # pixels of all samples together


@keras.saving.register_keras_serializable(package="tl_keras")
class VAE(LatentModel):
    """Variational autoencoder: learns a distribution of images without labels.

    An image x has a latent vector z with a normal prior. The encoder returns the mean and, from a
    head of its own, the log variance of q(z | x). A sample is z = mean + exp(log_var / 2) * eps,
    with new eps in each step. The decoder returns p(x | z). Training minimises, in nats per image,

        loss = -E_q log p(x | z) + beta * KL(q(z | x) || p(z)).

    The metrics `reconstruction_loss` and `kl_loss` are the two parts without beta and free bits.
    Their sum is the negative ELBO, independent of the definition of `loss`.

    Example:
        model = VAE((28, 28), 50, activation="tanh", binarize=True)
        model.compile("adam")
        model.fit(x_train, epochs=20, batch_size=128, validation_data=(x_val,))
        images = model.sample(64)
        nats = model.log_likelihood(x_test[:100], 5000).mean()

    Args:
        input_shape: (h, w), (h, w, 1) or (h, w, 3).
        latent_dim: int, at least 1. Defaults to 50.
        architecture: "dense" or "conv", see `Autoencoder`. Defaults to "dense".
        hidden_units: ints, widths of the encoder's Dense layers; the decoder reverses them.
            Defaults to (200, 200) for "dense", to none for "conv".
        likelihood: "bernoulli", "gaussian" (one learned scale for all pixels) or "auto".
            "auto" is "bernoulli" if the first training images are grey and nearly black and white,
            else "gaussian". Defaults to "auto".
        binarize: bool, whether each step draws each pixel black or white, white with the
            probability given by its grey value; only with "bernoulli". Without it grey values are
            targets of the cross-entropy, and nats are not a likelihood. Defaults to False.
        beta: float, weight of the KL term, at least 0. Defaults to 1.
        free_bits: float, nats per latent dimension and image below which the KL term is not
            reduced. Defaults to 0.
        kl_warmup: int, optimizer steps over which the weight of the KL term rises from 0 to `beta`,
            in training only. Defaults to 0.
        objective: "elbo", or "iwae" for the bound -log mean_k p(x, z) / q(z | x), which is tighter
            and k times as costly. Defaults to "elbo".
        k: int, samples per image for "iwae". Defaults to 50.
        filters, activation, encoder, decoder, seed, **kwargs: see `Autoencoder`. `seed` is that of
            eps and of the binary pixels.

    Attributes:
        encoder: Functional model (b, h, w, 3) RGB 0-255 -> means (b, latent_dim), see
            `Autoencoder`.
        decoder: Functional model (b, latent_dim) -> logits (b, h, w, c).

    Input: (b, h, w), (b, h, w, 1) or (b, h, w, 3), pixels 0-255, uint8 or float.
    Output: reconstructions from the means, float32 (b, h, w, c), 0-255.

    Raises:
        InputError: an argument or the shape of the images is invalid.

    Reference:
        Kingma and Welling 2014, arXiv 1312.6114. beta: Higgins et al. 2017, "beta-VAE". Free
        bits: Kingma et al. 2016, arXiv 1606.04934; there the bound applies to the mean over the
            batch,
        here to each image, so that replicas sum up to the same loss. KL warm-up: Bowman et al.
        2016, arXiv 1511.06349. Importance weighting: Burda, Grosse and Salakhutdinov 2016, arXiv
        1509.00519.
    """

    dense_units = (200, 200)
    loss_names = ("loss", "reconstruction_loss", "kl_loss")
    seed_names = ("seeds", "sample_seeds", "validation_seeds")

    def __init__(
        self,
        input_shape: tuple[int, ...],
        latent_dim: int = 50,
        architecture: str = "dense",
        *,
        likelihood: str = "auto",
        binarize: bool = False,
        beta: float = 1.0,
        free_bits: float = 0.0,
        kl_warmup: int = 0,
        objective: str = "elbo",
        k: int = 50,
        **kwargs: Any,
    ) -> None:
        super().__init__(input_shape, latent_dim, architecture, **kwargs)
        self.likelihood = check_choice("likelihood", likelihood, LIKELIHOODS)
        self.binarize = bool(binarize)
        self.beta = check_number("beta", beta, minimum=0)
        self.free_bits = check_number("free_bits", free_bits, minimum=0)
        self.kl_warmup = check_number("kl_warmup", kl_warmup, minimum=0, integer=True)
        self.objective = check_choice("objective", objective, OBJECTIVES)
        self.k = check_number("k", k, minimum=1, integer=True)
        self._bounds = {}
        if free_bits and objective == "iwae":
            raise InputError(
                "Expected no free_bits with objective='iwae', whose loss has no KL term; received "
                f"free_bits={free_bits}. Leave one of them out."
            )
        self.log_scale = None
        self._set_likelihood(likelihood)
        self._set_encoder("mean", "log_var")
        # Sampling and validation do not change training.
        self.sample_seeds = keras.random.SeedGenerator(self.seed)
        self.validation_seeds = keras.random.SeedGenerator(self.seed)

    def _set_likelihood(self, likelihood):
        self.likelihood = likelihood
        if likelihood == "gaussian":
            if self.binarize:
                raise InputError(
                    "Expected likelihood='bernoulli' with binarize=True; received 'gaussian'. "
                    "Leave binarize out."
                )
            start = keras.initializers.Constant(math.log(0.1))
            self.log_scale = self.add_weight(shape=(), initializer=start, name="log_scale")

    def look_at(self, images: np.ndarray) -> None:
        if self.likelihood == "auto":
            self._choose(choose_likelihood(images))

    def _choose(self, likelihood):
        with self.distribute_strategy.scope():
            self._set_likelihood(likelihood)
            if self.compiled:
                self.build_optimizer()

    def build_optimizer(self) -> None:
        if self.likelihood != "auto":  # a scale may still be added
            super().build_optimizer()

    def save_own_variables(self, store: Any) -> None:
        super().save_own_variables(store)
        store[IN_FILES] = np.array(LIKELIHOODS.index(self.likelihood))

    def load_own_variables(self, store: Any) -> None:
        """Loads the learned scale and, if still undecided, the likelihood."""
        values = {name: store[name] for name in store.keys()}  # noqa: SIM118 (no iterator)
        saved = pop_likelihood(values)
        if self.likelihood == "auto" and saved != "auto":
            self._choose(saved)
        super().load_own_variables(values)

    def losses_of(self, pixels: tf.Tensor, training: bool) -> dict[str, tf.Tensor]:
        """Returns the losses of each image, float32 (b,), by the names of the metrics."""
        seed = next_seed(self.seeds if training else self.validation_seeds)
        pixels = self._observed(pixels, seed)
        mean, log_var = self._posterior(pixels, training)
        samples = self.k if self.objective == "iwae" else 1
        log_prob, log_ratio = self._sampled(pixels, mean, log_var, samples, seed + [1, 0], training)
        kl = kl_to_prior(mean, log_var)
        weight = self._kl_weight(training)
        if self.objective == "iwae":
            loss = math.log(samples) - ops.logsumexp(log_prob + weight * log_ratio, axis=0)
        else:
            cost = ops.sum(ops.maximum(kl, self.free_bits) if self.free_bits else kl, axis=-1)
            loss = weight * cost - log_prob[0]
        return {
            "loss": loss,
            "reconstruction_loss": -ops.mean(log_prob, axis=0),
            "kl_loss": ops.sum(kl, axis=-1),
        }

    def _observed(self, pixels, seed):
        """Returns pixels 0-255 as the model sees them, drawn black or white with `binarize`."""
        return 255.0 * draw_binary(pixels, seed) if self.binarize else pixels

    def _posterior(self, pixels, training=False):
        mean, log_var = self._heads(pixels, training=training)
        return ops.cast(mean, "float32"), ops.cast(log_var, "float32")

    def _sampled(self, pixels, mean, log_var, samples, seed, training=False):
        """Returns log p(x | z) and log p(z) - log q(z | x), float32 (samples, b), for new z."""
        eps = self._normal((samples, tf.shape(mean)[0], self.latent_dim), seed)
        z = mean + ops.exp(0.5 * log_var) * eps
        return self._log_prob(pixels, z, training), log_prior_ratio(z, eps, log_var)

    def _normal(self, shape, seed):
        return tf.random.stateless_normal(shape, seed)

    def _log_prob(self, pixels, z, training):
        """Returns log p(x | z), float32 (samples, b), given z (samples, b, d)."""
        num_pixels = math.prod(self.input_shape[1:])
        self._check_likelihood()
        targets = ops.reshape(pixels / 255.0, (-1, num_pixels))
        logits = self.decoder(ops.reshape(z, (-1, self.latent_dim)), training=training)
        logits = ops.reshape(ops.cast(logits, "float32"), (z.shape[0], -1, num_pixels))
        if self.likelihood == "bernoulli":
            return bernoulli_log_prob(targets, logits)
        return gaussian_log_prob(targets, logits, ops.convert_to_tensor(self.log_scale))

    def _check_likelihood(self):
        if self.likelihood == "auto":
            raise InputError(
                "Expected a known likelihood; received likelihood='auto' before fit has "
                "seen images. Call fit first, or give 'bernoulli' or 'gaussian'."
            )

    def _kl_weight(self, training):
        if not training or not self.kl_warmup:
            return self.beta
        step = ops.cast(self.optimizer.iterations + 1, "float32")
        return self.beta * ops.minimum(step / self.kl_warmup, 1.0)

    def embed(self, x: Any) -> np.ndarray:
        """Returns means of q(z | x), float32 (n, latent_dim), of images (n, h, w[, c]) 0-255."""
        return self.encode(x)

    def sample(self, n: int, *, seed: int | None = None) -> np.ndarray:
        """Returns `n` new images, means of p(x | z), as float32 array (n, h, w, c) 0-255.

        Args:
            n: int, at least 1.
            seed: int for reproducible images; None for new ones in each call.
        """
        check_number("n", n, minimum=1, integer=True)
        seed = self.sample_seeds if seed is None else seed
        return self.decode(keras.random.normal((n, self.latent_dim), seed=seed))

    def interpolate(self, a: np.ndarray, b: np.ndarray, n: int = 8) -> np.ndarray:
        """Returns images on the straight line between the codes of two images.

        Args:
            a, b: images (h, w) or (h, w, c), 0-255.
            n: int, at least 2, number of images including those of `a` and `b`. Defaults to 8.

        Returns:
            float32 array (n, h, w, c), 0-255.
        """
        check_number("n", n, minimum=2, integer=True)
        first, last = (self.embed(np.asarray(image)[None]) for image in (a, b))
        share = np.linspace(0, 1, n, dtype="float32")[:, None]
        return self.decode((1 - share) * first + share * last)

    def log_likelihood(
        self, x: Any, k: int = 5000, *, batch_size: int = 100, seed: int = 0
    ) -> np.ndarray:
        """Returns a lower bound on log p(x) by importance sampling, which rises to it with k.

        Args:
            x: images (n, h, w), (n, h, w, 1) or (n, h, w, 3), 0-255. With `binarize` each is
                drawn black and white once.
            k: int, samples per image, drawn in parts that fit in memory. k = 1 yields the ELBO
                from one sample. Defaults to 5000.
            batch_size: int, images at a time. Defaults to 100.
            seed: int of at most 64 bits; the result is reproducible by seed. Defaults to 0.

        Returns:
            float32 array (n,), in nats. For "gaussian" it is the log density of pixels on a scale
            from 0 to 1.

        Raises:
            InputError: an argument is invalid.
        """
        check_number("k", k, minimum=1, integer=True)
        check_number("batch_size", batch_size, minimum=1, integer=True)
        check_number("seed", seed, minimum=-(2**63), maximum=2**63 - 1, integer=True)
        self._check_likelihood()
        num_pixels = math.prod(self.input_shape[1:])
        at_once = min(k, max(1, _VALUES_AT_ONCE // (batch_size * num_pixels)))

        bound = self._bound(k, at_once, self.likelihood, self.binarize)
        x = self._images(x)
        at = range(0, len(x), batch_size)
        parts = [bound(x[i : i + batch_size], tf.constant([seed, i * k], tf.int64)) for i in at]
        return np.concatenate([part.numpy() for part in parts])

    def _bound(self, *traced_for):
        """Returns the graph of `log_likelihood` for k, samples at once, likelihood and binarize."""
        if traced_for not in self._bounds:
            k, at_once, *_ = traced_for

            @tf.function(reduce_retracing=True)
            def bound(pixels, seed):
                pixels = self._observed(self._as_batch(pixels), seed)
                mean, log_var = self._posterior(pixels)

                def log_weights(part):
                    parts_seed = seed + tf.cast(tf.stack([1, part]), tf.int64)
                    return sum(self._sampled(pixels, mean, log_var, at_once, parts_seed))

                return importance_bound(log_weights, k, at_once, tf.shape(mean)[0])

            self._bounds[traced_for] = bound
        return self._bounds[traced_for]

    def get_config(self) -> dict:
        names = ("likelihood", "binarize", "beta", "free_bits", "kl_warmup", "objective", "k")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
