"""The generative adversarial network."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from tl_keras.checks import InputError, check_choice, check_number
from tl_keras.data.inspection.first_batch import input_errors
from tl_keras.models.gan import losses
from tl_keras.models.gan.collapse import gan_guards
from tl_keras.models.gan.dcgan import build_discriminator, build_generator
from tl_keras.models.gan.inputs import (
    PIXEL_SCALE,
    checked,
    checked_pair,
    class_rows,
    one_hot_classes,
    spherical,
    to_pixels,
    to_unit,
    training_input,
)
from tl_keras.models.gan.networks import check_networks, feature_encoder
from tl_keras.models.gan.weight_average import average_of, update_average, warm_decay
from tl_keras.models.keras_private import EVALUATED_BY_FIT
from tl_keras.models.precision import layers_in, scaling
from tl_keras.models.saving.saved_seeds import SavedSeeds
from tl_keras.models.steps.counted_epochs import CountedEpochs
from tl_keras.models.steps.own_loss import check_own_loss, check_unweighted, without_weights
from tl_keras.models.steps.random_numbers import draw_part
from tl_keras.models.steps.rgb_inputs import check_image_shape

METRICS = ("d_loss", "g_loss", "real_accuracy", "fake_accuracy")
_ADAM = {  # learning rate, beta_1, beta_2 of Adam
    "non-saturating": (4e-4, 0.5, 0.999),
    "wgan-gp": (1e-4, 0.0, 0.9),
}
_DISCRIMINATOR_STEPS = {"non-saturating": 1, "wgan-gp": 5}
_PENALTY_WEIGHT = {"non-saturating": 1.0, "wgan-gp": 10.0}
_SAMPLES_AT_ONCE = 256


@keras.saving.register_keras_serializable(package="tl_keras")
class GAN(SavedSeeds, CountedEpochs, keras.Model):
    """Generative adversarial network: a generator of images and a discriminator against it.

    Each step first trains the discriminator. The generator then learns from the images generated
    for the last discriminator step, so it runs forward once. The updated discriminator scores these
    images. Samples come from an exponential moving average of the generator's weights.

    Example:
        gan = GAN((28, 28, 1))
        gan.compile()
        gan.fit(x_train, epochs=20)
        images = gan.sample(64)

    Metrics: `d_loss`, `g_loss`, `real_accuracy`, `fake_accuracy` and, at the end of an epoch,
    `diversity`, see `CollapseWatch`. The accuracies are the shares of real and of generated images
    that the discriminator recognises. With "wgan-gp" the threshold is the middle between the two
    mean scores.

    Args:
        input_shape: (height, width) or (height, width, channels), 1 or 3 channels.
        latent_dim: int, at least 1. Defaults to 100.
        loss: "non-saturating" or "wgan-gp". Defaults to "non-saturating".
        num_classes: int, at least 2, for sampling images of a given class; `fit` then needs labels.
            None, the default, ignores labels.
        generator: keras.Model latent (b, latent_dim) -> (b, h, w, c) in -1 to 1, with num_classes
            [latent, one-hot classes] ->. Defaults to `build_generator`.
        discriminator: keras.Model images (b, h, w, c) in -1 to 1 -> logits (b, 1), with
            num_classes [images, one-hot classes] ->. Defaults to `build_discriminator`.
        width: int, channels of the default networks at half the input resolution. Defaults to 32.
        discriminator_width: int, `width` of the default discriminator. Defaults to `width`.
        label_smoothing: float in [0, 1), subtracted from the label of real images in the
            non-saturating loss. Defaults to 0.1.
        penalty_weight: float, weight of the gradient penalty. It multiplies half of `r1_penalty`,
            or `gradient_penalty` with "wgan-gp". Defaults to 1, with "wgan-gp" to 10.
        discriminator_steps: int, steps of the discriminator per generator step, each with new
            noise. Defaults to 1, with "wgan-gp" to 5.
        ema_decay: float in [0, 1), decay of the generator's average; lower in the first steps.
            Defaults to 0.999.
        seed: int, seed of the noise; None for a random one.
        **kwargs: `name`, `dtype` and `trainable` of `keras.Model`.

    Input: images (b, h, w, c), or (b, h, w) for one channel, 0-255, uint8 or float; with
        num_classes a pair of these and one-hot classes.
    Output: logits of the discriminator, float32 (b, 1); above 0 for images that look real.

    Raises:
        InputError: an argument is invalid, or the size cannot be halved often enough.

    Reference:
        Goodfellow et al. 2014, arXiv 1406.2661; networks: `tl_keras.models.gan.dcgan`; losses:
        `tl_keras.models.gan.losses`; averaging: Yazici et al. 2019, arXiv 1806.04498.
    """

    seed_names = ("noise_seeds", "sample_seeds", "validation_seeds")
    recipe = {"batch_size": 64}

    def __init__(
        self,
        input_shape: tuple[int, ...],
        latent_dim: int = 100,
        loss: str = "non-saturating",
        num_classes: int | None = None,
        *,
        generator: keras.Model | None = None,
        discriminator: keras.Model | None = None,
        width: int = 32,
        discriminator_width: int | None = None,
        label_smoothing: float = 0.1,
        penalty_weight: float | None = None,
        discriminator_steps: int | None = None,
        ema_decay: float = 0.999,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        shape = check_image_shape(input_shape)
        self.loss_name = check_choice("loss", loss, losses.LOSSES)
        if num_classes is not None:
            check_number("num_classes", num_classes, minimum=2, integer=True)
        self.num_classes = num_classes
        counts = {"latent_dim": latent_dim, "width": width}
        counts["discriminator_width"] = (
            width if discriminator_width is None else discriminator_width
        )
        steps = _DISCRIMINATOR_STEPS[loss] if discriminator_steps is None else discriminator_steps
        counts["discriminator_steps"] = steps
        for name, count in counts.items():
            setattr(self, name, check_number(name, count, minimum=1, integer=True))
        self.label_smoothing = check_number("label_smoothing", label_smoothing, minimum=0, below=1)
        penalty = _PENALTY_WEIGHT[loss] if penalty_weight is None else penalty_weight
        self.penalty_weight = check_number("penalty_weight", penalty, minimum=0)
        self.ema_decay = check_number("ema_decay", ema_decay, minimum=0, below=1)
        self.seed = seed
        self._own = {"generator": generator, "discriminator": discriminator}
        with layers_in(self.dtype_policy):
            self._set_networks(shape)
        self.noise_seeds = keras.random.SeedGenerator(seed)
        # Sampling and validation do not change training.
        self.sample_seeds = keras.random.SeedGenerator(seed)
        self.validation_seeds = keras.random.SeedGenerator(seed)
        self._trackers = {name: keras.metrics.Mean(name=name) for name in METRICS}
        self.input_shape, self.output_shape = (None, *shape), (None, 1)
        self.built = True

    def _set_networks(self, shape):
        self.generator = self._own["generator"] or build_generator(
            shape, self.latent_dim, self.num_classes, width=self.width
        )
        self.discriminator = self._own["discriminator"] or build_discriminator(
            shape, self.num_classes, width=self.discriminator_width
        )
        check_networks(self.generator, self.discriminator, shape, self.latent_dim, self.num_classes)
        self.average_generator = average_of(self.generator, "average_generator")

    @property
    def encoder(self) -> keras.Model:
        """The discriminator up to its features, for pixels 0-255: a backbone.

        Functional model (b, h, w, 3) RGB 0-255 -> the layer "features" (b, h', w', c). A custom
        discriminator contributes the input of its last layer. If the GAN has one channel, colour is
        reduced to brightness first. The layers are shared with the GAN, not copied: training one
        changes the other.
        """
        with layers_in(self.dtype_policy):
            return feature_encoder(self.discriminator, PIXEL_SCALE)

    def compile(
        self,
        optimizer: Any = None,
        discriminator_optimizer: Any = None,
        *,
        steps_per_execution: int = 1,
        run_eagerly: bool = False,
        jit_compile: bool = False,
        **refused: Any,
    ) -> None:
        """Sets the optimizers of both networks and builds them.

        Args:
            optimizer: optimizer of the generator, see `keras.optimizers.get`. Defaults to Adam with
                learning rate 4e-4 and beta_1 0.5; with "wgan-gp" 1e-4, beta_1 0 and beta_2 0.9.
            discriminator_optimizer: optimizer of the discriminator. Defaults to a copy of the
                generator's. On several replicas both are created anew under the strategy.
            steps_per_execution, run_eagerly, jit_compile: as in Keras. XLA is off by default,
                because it slows down convolutions on a CPU.
            **refused: `loss` and `metrics`, which the model defines itself, see `own_loss.OWN`.

        Raises:
            InputError: both optimizers are one object, or a loss or a metric is given.
        """
        check_own_loss(self, refused)
        if optimizer is None:
            rate, beta_1, beta_2 = _ADAM[self.loss_name]
            optimizer = keras.optimizers.Adam(rate, beta_1=beta_1, beta_2=beta_2)
        with self.distribute_strategy.scope():
            optimizer = keras.optimizers.get(optimizer)
            other = keras.optimizers.get(discriminator_optimizer or like(optimizer))
            if other is optimizer:
                raise InputError(
                    "Expected two optimizers, one for each network; received one object twice."
                )
            if self._replicas() > 1:
                # Created outside the scope, they would count each step once per replica.
                optimizer, other = (o if o.built else like(o) for o in (optimizer, other))
            optimizer, other = (scaling(o, self.dtype_policy) for o in (optimizer, other))
            super().compile(
                optimizer=optimizer,
                steps_per_execution=steps_per_execution,
                run_eagerly=run_eagerly,
                jit_compile=jit_compile,
            )
            self.discriminator_optimizer = other
            # Before `fit`, because under a strategy the second one cannot be built within it.
            self.optimizer.build(self.generator.trainable_variables)
            self.discriminator_optimizer.build(self.discriminator.trainable_variables)

    def get_compile_config(self) -> dict:
        if not self.compiled:
            return {}
        return {
            "optimizer": keras.saving.serialize_keras_object(self.optimizer),
            "discriminator_optimizer": keras.saving.serialize_keras_object(
                self.discriminator_optimizer
            ),
            "steps_per_execution": self.steps_per_execution,
        }

    def compile_from_config(self, config: dict) -> None:
        self.compile(
            keras.saving.deserialize_keras_object(config["optimizer"]),
            keras.saving.deserialize_keras_object(config["discriminator_optimizer"]),
            steps_per_execution=config["steps_per_execution"],
        )

    def get_config(self) -> dict:
        own = {
            name: network and keras.saving.serialize_keras_object(network)
            for name, network in self._own.items()
        }
        names = ("latent_dim", "num_classes", "width", "discriminator_width", "label_smoothing")
        names += ("penalty_weight", "discriminator_steps", "ema_decay", "seed")
        return {
            **super().get_config(),
            "input_shape": list(self.input_shape[1:]),
            "loss": self.loss_name,
            **{name: getattr(self, name) for name in names},
            **own,
        }

    @classmethod
    def from_config(cls, config: dict) -> keras.Model:
        own = {
            name: config[name] and keras.saving.deserialize_keras_object(config[name])
            for name in ("generator", "discriminator")
        }
        return cls(**config | own)

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """Trains both networks; otherwise like `keras.Model.fit`.

        Args:
            x: images (n, h, w, c) or (n, h, w), 0-255; an `ImageDataset`; or a
                `tf.data.Dataset` of batches of images or of (images, labels).
            y: class numbers (n,) or one-hot (n, num_classes); ignored without num_classes.
            batch_size: int. Defaults to 64; a `tf.data.Dataset` has its own.
            epochs, verbose, callbacks, **kwargs: as in Keras.

        Returns:
            keras.callbacks.History.

        Raises:
            InputError: images or labels are invalid.
            DivergedError: a loss became NaN; the model has the weights of the last complete epoch.
        """
        check_unweighted(self, x, **kwargs)
        data, some = training_input(self, x, y, batch_size or self.recipe["batch_size"])
        kwargs["validation_data"] = checked_pair(kwargs.get("validation_data"))
        if not isinstance(callbacks, keras.callbacks.CallbackList):
            callbacks = [*gan_guards(METRICS[:2], some), *keras.tree.flatten(callbacks or ())]
        return super().fit(epochs=epochs, verbose=verbose, callbacks=callbacks, **data, **kwargs)

    def evaluate(
        self, x: Any = None, y: Any = None, batch_size: int | None = None, **kwargs: Any
    ) -> Any:
        """Calls Keras's `evaluate`; see `fit` for `x` and `y`."""
        check_unweighted(self, x, **kwargs)
        # `fit`, which has checked `x`, passes this argument.
        x = x if EVALUATED_BY_FIT in kwargs else checked(x)
        with input_errors():
            return super().evaluate(x, y, batch_size=batch_size, **kwargs)

    def call(self, inputs: Any, training: bool | None = None) -> tf.Tensor:
        images, classes = inputs if isinstance(inputs, list | tuple) else (inputs, None)
        return self._judge(to_unit(self, images), classes, training)

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        # Keras also reports the mean of the compiled loss, which does not exist here.
        return list(self._trackers.values())

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        real, classes = self._unpacked(data)
        for _ in range(self.discriminator_steps):
            with tf.GradientTape() as tape:
                fake = self._generate(ops.shape(real)[0], classes, training=True)
            values = self._train_discriminator(real, tf.stop_gradient(fake), classes)
        values["g_loss"] = self._train_generator(tape, fake, classes)
        decay = warm_decay(self.ema_decay, self.optimizer.iterations)
        update_average(self.average_generator, self.generator, decay)
        return self._reported(values, ops.shape(real)[0])

    def test_step(self, data: Any) -> dict[str, tf.Tensor]:
        real, classes = self._unpacked(data)
        fake = self._generate(ops.shape(real)[0], classes, training=False)
        _, values = self._discriminator_losses(real, fake, classes, training=False)
        values["g_loss"] = self._generator_loss(self._judge(fake, classes, False))
        return self._reported(values, ops.shape(real)[0])

    def _train_discriminator(self, real, fake, classes):
        """Takes one step of the discriminator; the generator stays unchanged."""
        weights = self.discriminator.trainable_variables
        with tf.GradientTape() as tape:
            loss, values = self._discriminator_losses(real, fake, classes, training=True)
            share = self.discriminator_optimizer.scale_loss(loss / self._replicas())
        gradients = tape.gradient(share, weights)
        self.discriminator_optimizer.apply_gradients(zip(gradients, weights, strict=True))
        return values

    def _train_generator(self, tape, fake, classes):
        """Takes one step of the generator, which made `fake` under `tape`, and returns its loss."""
        weights = self.generator.trainable_variables
        with tf.GradientTape() as judging:
            judging.watch(fake)
            loss = self._generator_loss(self._judge(fake, classes, True))
            share = self.optimizer.scale_loss(loss / self._replicas())
        towards_real = judging.gradient(share, fake)
        gradients = tape.gradient(fake, weights, output_gradients=towards_real)
        self.optimizer.apply_gradients(zip(gradients, weights, strict=True))
        return loss

    def _discriminator_losses(self, real, fake, classes, training):
        """Returns (loss with its penalty, values to report)."""
        with tf.GradientTape() as tape:
            tape.watch(real)
            on_real = self._judge(real, classes, training)
        on_fake = self._judge(fake, classes, training)
        if self.loss_name == "wgan-gp":
            loss = losses.critic_loss(on_real, on_fake)
            seeds = self.noise_seeds if training else self.validation_seeds
            mix = draw_part(keras.random.uniform, seeds, ops.shape(real)[0], 1, 1, 1)
            loss += self.penalty_weight * losses.gradient_penalty(
                lambda x: self._judge(x, classes, training), real, fake, mix
            )
            middle = (ops.mean(on_real) + ops.mean(on_fake)) / 2
        else:
            loss = losses.discriminator_loss(on_real, on_fake, self.label_smoothing)
            if self.penalty_weight:
                slopes = tape.gradient(on_real, real)
                loss += self.penalty_weight / 2 * losses.r1_penalty(slopes)
            middle = 0.0
        return loss, {
            "d_loss": loss,
            "real_accuracy": ops.mean(ops.cast(on_real > middle, "float32")),
            "fake_accuracy": ops.mean(ops.cast(on_fake < middle, "float32")),
        }

    def _generator_loss(self, scores):
        if self.loss_name == "wgan-gp":
            return -ops.mean(scores)
        return losses.generator_loss(scores)

    def _generate(self, count, classes, training):
        seeds = self.noise_seeds if training else self.validation_seeds
        latent = draw_part(keras.random.normal, seeds, count, self.latent_dim)
        inputs = latent if classes is None else [latent, classes]
        return ops.cast(self.generator(inputs, training=training), "float32")

    def _judge(self, images, classes, training):
        inputs = images if classes is None else [images, classes]
        return ops.cast(self.discriminator(inputs, training=training), "float32")

    def _replicas(self):
        # Gradients of the replicas are summed.
        return self.distribute_strategy.num_replicas_in_sync

    def _unpacked(self, data):
        """Returns real images in -1 to 1, (b, h, w, c), and their classes, one-hot or None."""
        images, labels = without_weights(self, data)
        classes = one_hot_classes(labels, self.num_classes) if self.num_classes else None
        return to_unit(self, images), classes

    def _reported(self, values, count):
        for name, tracker in self._trackers.items():
            tracker.update_state(values[name], sample_weight=count)
        return {name: tracker.result() for name, tracker in self._trackers.items()}

    def draw_latent(self, n: int, seed: int | None = None) -> np.ndarray:
        """Draws latent points, float32 (n, latent_dim), from the standard normal distribution.

        Args:
            n: int, at least 1.
            seed: int, for reproducible points. None, the default, draws new points in each call.
        """
        check_number("n", n, minimum=1, integer=True)
        seed = self.sample_seeds if seed is None else seed
        return np.asarray(keras.random.normal((n, self.latent_dim), seed=seed))

    def sample(self, n: int, labels: Any = None, seed: int | None = None) -> np.ndarray:
        """Generates `n` images.

        Args:
            n: int, at least 1.
            labels: class of each image, an int or (n,) ints, with num_classes only. Defaults to
                0, 1, 2, ..., repeated.
            seed: int, for reproducible images. None, the default, draws new images in each call.

        Returns:
            uint8 (n, h, w, c), 0-255.

        Raises:
            InputError: an argument is out of range, or labels are given without num_classes.
        """
        return self.generate(self.draw_latent(n, seed), labels)

    def interpolate(
        self, a: np.ndarray, b: np.ndarray, n: int = 8, labels: Any = None
    ) -> np.ndarray:
        """Generates images between one latent point and another.

        The path is the arc of a circle. Points on the straight line between two draws are nearer to
        zero than any draw, and the generator was not trained on such points.

        Args:
            a, b: latent points, (latent_dim,).
            n: int, at least 2, number of images including both ends. Defaults to 8.
            labels: as in `sample`. Defaults to class 0 for all.

        Returns:
            uint8 (n, h, w, c), 0-255.

        Reference:
            White 2016, arXiv 1609.04468.
        """
        check_number("n", n, minimum=2, integer=True)
        points = spherical(self._latent(a)[0], self._latent(b)[0], n)
        return self.generate(points, 0 if self.num_classes and labels is None else labels)

    def generate(
        self, latent: np.ndarray, labels: Any = None, *, average: bool = True
    ) -> np.ndarray:
        """Generates the images of given latent points.

        Args:
            latent: (n, latent_dim).
            labels: as in `sample`.
            average: bool, whether to use the average of the generator's weights. Defaults to True.

        Returns:
            uint8 (n, h, w, c), 0-255.
        """
        latent = self._latent(latent)
        classes = class_rows(labels, len(latent), self.num_classes)
        network = self.average_generator if average else self.generator
        parts = []
        for start in range(0, len(latent), _SAMPLES_AT_ONCE):
            rows = slice(start, start + _SAMPLES_AT_ONCE)
            inputs = latent[rows] if classes is None else [latent[rows], classes[rows]]
            parts.append(to_pixels(network(inputs, training=False)))
        return np.concatenate(parts)

    def _latent(self, points):
        points = np.atleast_2d(np.asarray(points, np.float32))
        if points.ndim != 2 or points.shape[1] != self.latent_dim or not len(points):
            raise InputError(
                f"Expected latent points of length {self.latent_dim}; received shape "
                f"{points.shape}. Draw some with draw_latent(n)."
            )
        return points


def like(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """Returns a new optimizer with the settings of `optimizer`."""
    return type(optimizer).from_config(optimizer.get_config())
