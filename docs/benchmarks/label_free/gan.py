"""Times `GAN` against the same networks trained by a plain Keras step, side by side in one run.

Plain: the step of Keras's own guide, with Keras's defaults and two Adam optimizers, on float images
scaled before. The discriminator sees real and generated images together, then the generator makes
new ones. Ours: `GAN.fit` on uint8 images, with its average of the generator, its
metrics and its guards. The two take turns. Writes its section of docs/benchmarks.md.

    python -m docs.benchmarks gan --rounds 9
"""

import statistics

from docs.benchmarks.shared.page import machine, replace_section, table_head
from docs.benchmarks.shared.timing import median_ratio, timed

BATCH, SIDE, LATENT, STEPS = 64, 28, 100, 80
STEPS_PER_EXECUTION = 8


def add_options(options):
    options.add_argument("--rounds", type=int, default=9)


def main(given):
    write_table(*compare(given.rounds), given.rounds)


def compare(rounds):
    """Returns (steps/s plain, steps/s ours, median of the pairs' ratios)."""
    import keras
    import numpy as np

    from tl_keras import GAN

    x = np.random.default_rng(0).integers(0, 256, (STEPS * BATCH, SIDE, SIDE, 1), dtype=np.uint8)
    scaled = (x / 127.5 - 1).astype("float32")
    ours = GAN((SIDE, SIDE), LATENT)
    ours.compile(steps_per_execution=STEPS_PER_EXECUTION)
    plain = plain_gan(ours)
    plain.compile(*(keras.optimizers.Adam(2e-4, beta_1=0.5) for _ in range(2)))
    seconds = {"plain": [], "ours": []}
    for _ in range(rounds + 1):
        seconds["plain"].append(timed(lambda: plain.fit(scaled, batch_size=BATCH, verbose=0)))
        seconds["ours"].append(timed(lambda: ours.fit(x, batch_size=BATCH, verbose=0)))
    plain_s, ours_s = (times[1:] for times in seconds.values())  # the first round traces
    rates = (STEPS / statistics.median(times) for times in (plain_s, ours_s))
    return *rates, median_ratio(plain_s, ours_s)


def plain_gan(ours):
    """The networks of `ours`, new, in a model as Keras's guide writes it."""
    import keras
    import tensorflow as tf

    class PlainGAN(keras.Model):
        def __init__(self, generator, discriminator):
            super().__init__()
            self.generator, self.discriminator = generator, discriminator
            self.loss_function = keras.losses.BinaryCrossentropy(from_logits=True)
            self.d_loss = keras.metrics.Mean(name="d_loss")
            self.g_loss = keras.metrics.Mean(name="g_loss")
            self.built = True

        def compile(self, d_optimizer, g_optimizer):
            super().compile()
            self.d_optimizer, self.g_optimizer = d_optimizer, g_optimizer

        def train_step(self, real):
            count = tf.shape(real)[0]
            labels = tf.concat([0.9 * tf.ones((count, 1)), tf.zeros((count, 1))], 0)
            fake = self.generator(tf.random.normal((count, LATENT)), training=True)
            with tf.GradientTape() as tape:
                logits = self.discriminator(tf.concat([real, fake], 0), training=True)
                d_loss = self.loss_function(labels, logits)
                with tf.GradientTape() as slope_tape:
                    slope_tape.watch(real)
                    on_real = self.discriminator(real, training=True)
                slopes = slope_tape.gradient(on_real, real)
                d_loss += tf.reduce_mean(tf.reduce_sum(slopes**2, (1, 2, 3))) / 2
            weights = self.discriminator.trainable_weights
            self.d_optimizer.apply_gradients(
                zip(tape.gradient(d_loss, weights), weights, strict=True)
            )
            with tf.GradientTape() as tape:
                fake = self.generator(tf.random.normal((count, LATENT)), training=True)
                logits = self.discriminator(fake, training=True)
                g_loss = self.loss_function(tf.ones((count, 1)), logits)
            weights = self.generator.trainable_weights
            self.g_optimizer.apply_gradients(
                zip(tape.gradient(g_loss, weights), weights, strict=True)
            )
            self.d_loss.update_state(d_loss)
            self.g_loss.update_state(g_loss)
            return {"d_loss": self.d_loss.result(), "g_loss": self.g_loss.result()}

    networks = (keras.models.clone_model(net) for net in (ours.generator, ours.discriminator))
    return PlainGAN(*networks)


def write_table(plain, ours, ratio, rounds):
    replace_section(
        "GAN: speed",
        [
            f"`make benchmark-gan`, {machine()}. The default networks at {SIDE} x {SIDE}, batch "
            f"{BATCH}; a plain Keras step with two Adam optimizers and the same penalty, and "
            f"`GAN.fit` ({STEPS_PER_EXECUTION} steps in an execution) in turns, medians of "
            f"{rounds} rounds of {STEPS} steps. Ours also averages the generator's weights.",
            "",
            *table_head("plain, steps/s", "`GAN.fit`, steps/s", "times faster, median of pairs"),
            f"| {plain:.1f} | {ours:.1f} | {ratio:.2f} |",
        ],
    )
