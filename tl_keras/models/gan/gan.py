"""The generative adversarial network."""

import keras

from tl_keras.checks import InputError, check_choice, check_number
from tl_keras.data.inspection.first_batch import input_errors
from tl_keras.models.counted_epochs import CountedEpochs
from tl_keras.models.divergence import LastGoodWeights
from tl_keras.models.gan.adversarial_steps import METRICS, AdversarialSteps
from tl_keras.models.gan.collapse import CollapseWatch
from tl_keras.models.gan.dcgan import build_discriminator, build_generator
from tl_keras.models.gan.inputs import PIXEL_SCALE, checked, checked_pair, to_unit, training_input
from tl_keras.models.gan.losses import LOSSES
from tl_keras.models.gan.networks import check_networks, feature_encoder
from tl_keras.models.gan.sampling import GeneratorSampling
from tl_keras.models.gan.weight_average import average_of
from tl_keras.models.latent.image_networks import check_image_shape
from tl_keras.models.own_loss import check_own_loss, check_unweighted
from tl_keras.models.precision import layers_in, scaling
from tl_keras.models.saving.saved_seeds import SavedSeeds

_ADAM = {  # learning rate, beta_1, beta_2 of Adam
    "non-saturating": (4e-4, 0.5, 0.999),
    "wgan-gp": (1e-4, 0.0, 0.9),
}
_DISCRIMINATOR_STEPS = {"non-saturating": 1, "wgan-gp": 5}
_PENALTY_WEIGHT = {"non-saturating": 1.0, "wgan-gp": 10.0}


@keras.saving.register_keras_serializable(package="tl_keras")
class GAN(AdversarialSteps, GeneratorSampling, SavedSeeds, CountedEpochs, keras.Model):
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
        input_shape,
        latent_dim=100,
        loss="non-saturating",
        num_classes=None,
        *,
        generator=None,
        discriminator=None,
        width=32,
        discriminator_width=None,
        label_smoothing=0.1,
        penalty_weight=None,
        discriminator_steps=None,
        ema_decay=0.999,
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        shape = check_image_shape(input_shape)
        self.latent_dim = check_number("latent_dim", latent_dim, minimum=1, integer=True)
        self.loss_name = check_choice("loss", loss, LOSSES)
        if num_classes is not None:
            check_number("num_classes", num_classes, minimum=2, integer=True)
        self.num_classes = num_classes
        self.width = check_number("width", width, minimum=1, integer=True)
        own_width = width if discriminator_width is None else discriminator_width
        check_number("discriminator_width", own_width, minimum=1, integer=True)
        self.discriminator_width = own_width
        self.label_smoothing = check_number("label_smoothing", label_smoothing, minimum=0, below=1)
        penalty = _PENALTY_WEIGHT[loss] if penalty_weight is None else penalty_weight
        self.penalty_weight = check_number("penalty_weight", penalty, minimum=0)
        steps = _DISCRIMINATOR_STEPS[loss] if discriminator_steps is None else discriminator_steps
        self.discriminator_steps = check_number(
            "discriminator_steps", steps, minimum=1, integer=True
        )
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
    def encoder(self):
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
        optimizer=None,
        discriminator_optimizer=None,
        *,
        steps_per_execution=1,
        run_eagerly=False,
        jit_compile=False,
        **refused,
    ):
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

    def get_compile_config(self):
        if not self.compiled:
            return {}
        return {
            "optimizer": keras.saving.serialize_keras_object(self.optimizer),
            "discriminator_optimizer": keras.saving.serialize_keras_object(
                self.discriminator_optimizer
            ),
            "steps_per_execution": self.steps_per_execution,
        }

    def compile_from_config(self, config):
        self.compile(
            keras.saving.deserialize_keras_object(config["optimizer"]),
            keras.saving.deserialize_keras_object(config["discriminator_optimizer"]),
            steps_per_execution=config["steps_per_execution"],
        )

    def get_config(self):
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
    def from_config(cls, config):
        own = {
            name: config[name] and keras.saving.deserialize_keras_object(config[name])
            for name in ("generator", "discriminator")
        }
        return cls(**config | own)

    def fit(
        self, x=None, y=None, batch_size=None, epochs=1, verbose="auto", callbacks=None, **kwargs
    ):
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
            guards = [LastGoodWeights(METRICS[:2]), CollapseWatch(some)]
            callbacks = [*guards, *keras.tree.flatten(callbacks or ())]
        return super().fit(epochs=epochs, verbose=verbose, callbacks=callbacks, **data, **kwargs)

    def evaluate(self, x=None, y=None, batch_size=None, **kwargs):
        """Calls Keras's `evaluate`; see `fit` for `x` and `y`."""
        check_unweighted(self, x, **kwargs)
        # `fit`, which has checked `x`, passes this argument.
        x = x if "_use_cached_eval_dataset" in kwargs else checked(x)
        with input_errors():
            return super().evaluate(x, y, batch_size=batch_size, **kwargs)

    def call(self, inputs, training=None):
        images, classes = inputs if isinstance(inputs, list | tuple) else (inputs, None)
        return self._judge(to_unit(self, images), classes, training)


def like(optimizer):
    """Returns a new optimizer with the settings of `optimizer`."""
    return type(optimizer).from_config(optimizer.get_config())
