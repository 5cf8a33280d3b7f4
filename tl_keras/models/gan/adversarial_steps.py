"""Training step of a GAN: first the discriminator, then the generator."""

import keras
import tensorflow as tf
from keras import ops

from tl_keras.models.gan import losses as gan_losses
from tl_keras.models.gan.inputs import one_hot_classes, to_unit
from tl_keras.models.gan.weight_average import update_average, warm_decay
from tl_keras.models.own_loss import without_weights

METRICS = ("d_loss", "g_loss", "real_accuracy", "fake_accuracy")


class AdversarialSteps:
    """Mixin with the training and test steps of `GAN`, which defines the networks."""

    @property
    def metrics(self):
        # Keras also reports the mean of the compiled loss, which does not exist here.
        return list(self._trackers.values())

    def train_step(self, data):
        real, classes = self._unpacked(data)
        for _ in range(self.discriminator_steps):
            with tf.GradientTape() as tape:
                fake = self._generate(ops.shape(real)[0], classes, training=True)
            values = self._train_discriminator(real, tf.stop_gradient(fake), classes)
        values["g_loss"] = self._train_generator(tape, fake, classes)
        decay = warm_decay(self.ema_decay, self.optimizer.iterations)
        update_average(self.average_generator, self.generator, decay)
        return self._reported(values, ops.shape(real)[0])

    def test_step(self, data):
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
            loss = gan_losses.critic_loss(on_real, on_fake)
            mix = self._draw(keras.random.uniform, ops.shape(real)[0], 1, 1, 1, training=training)
            loss += self.penalty_weight * gan_losses.gradient_penalty(
                lambda x: self._judge(x, classes, training), real, fake, mix
            )
            middle = (ops.mean(on_real) + ops.mean(on_fake)) / 2
        else:
            loss = gan_losses.discriminator_loss(on_real, on_fake, self.label_smoothing)
            if self.penalty_weight:
                slopes = tape.gradient(on_real, real)
                loss += self.penalty_weight / 2 * gan_losses.r1_penalty(slopes)
            middle = 0.0
        return loss, {
            "d_loss": loss,
            "real_accuracy": ops.mean(ops.cast(on_real > middle, "float32")),
            "fake_accuracy": ops.mean(ops.cast(on_fake < middle, "float32")),
        }

    def _generator_loss(self, scores):
        if self.loss_name == "wgan-gp":
            return -ops.mean(scores)
        return gan_losses.generator_loss(scores)

    def _generate(self, count, classes, training):
        latent = self._draw(keras.random.normal, count, self.latent_dim, training=training)
        inputs = latent if classes is None else [latent, classes]
        return ops.cast(self.generator(inputs, training=training), "float32")

    def _judge(self, images, classes, training):
        inputs = images if classes is None else [images, classes]
        return ops.cast(self.discriminator(inputs, training=training), "float32")

    def _draw(self, draw, count, *shape, training):
        """Returns this replica's part of the numbers that one device would draw for the batch."""
        seeds = self.noise_seeds if training else self.validation_seeds
        context = tf.distribute.get_replica_context()
        replicas = context.num_replicas_in_sync
        numbers = draw((count * replicas, *shape), seed=seeds)
        first = count * context.replica_id_in_sync_group if replicas > 1 else 0
        return numbers[first : first + count] if replicas > 1 else numbers

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
