"""Times models without labels against the same networks in plain Keras, side by side in one run.

Plain: layers, a `train_step` as in Keras's guides, Adam, `keras.random`, `model.fit` on float
arrays; once with the defaults of `compile`, which is XLA, and once without. Ours:
`fit_without_labels` on uint8 images. They take turns, epoch by epoch, because the speed of a
machine drifts; medians are compared. Writes its section of docs/benchmarks.md.

    python -m docs.benchmarks generative --rounds 7 --only "dense VAE"
"""

import statistics

from docs.benchmarks.shared.page import machine, replace_section, table_head
from docs.benchmarks.shared.timing import MATMUL_FLOPS, epochs_in_turns, median_ratio

BATCH, SIDE = 128, 28


def add_options(options):
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--only", help="one row, by its name; the page is left as it is")


def main(given):
    chosen = [net for net in networks() if given.only in (None, net[0])]
    rows = [compare(*net, given.rounds) for net in chosen]
    lines = table(rows, given.rounds)
    if given.only:
        print("\n".join(lines))
    else:
        replace_section("Learning without labels: speed", lines)


def networks():
    """(name, builder of our model, steps of a round) for each comparison."""
    from tl_keras import VAE, Autoencoder

    dense = {"activation": "relu", "binarize": True, "likelihood": "bernoulli"}
    yield "dense VAE", lambda: VAE((SIDE, SIDE), 50, **dense), 96
    yield "conv VAE", lambda: VAE((SIDE, SIDE), 50, "conv", **dense), 32
    yield "dense autoencoder", lambda: Autoencoder((SIDE, SIDE), 32), 160
    yield "conv autoencoder", lambda: Autoencoder((SIDE, SIDE), 32, "conv"), 32


def compare(name, build, steps, rounds):
    """Returns (name, steps/s of each way, ratios of pairs, share of the matmul rate)."""
    import numpy as np

    from tl_keras import fit_without_labels

    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (steps * BATCH, SIDE, SIDE), dtype=np.uint8)
    scaled = (x[..., None] / 255.0).astype("float32")
    model = build()
    plain = {"default": plain_keras(model), "no XLA": plain_keras(model, jit_compile=False)}
    fit = {"batch_size": BATCH, "epochs": 1, "verbose": 0}
    ways = {way: lambda net=net: net.fit(scaled, **fit) for way, net in plain.items()}
    settings = {"epochs": rounds + 1, "batch_size": BATCH, "schedule": "constant"}
    seconds = epochs_in_turns(
        ways, lambda turns: fit_without_labels(model, x, callbacks=turns, **settings)
    )
    middle = {way: statistics.median(values) for way, values in seconds.items()}
    ratios = [median_ratio(seconds[way], seconds["ours"]) for way in plain]
    rates = [steps / middle[way] for way in (*plain, "ours")]
    share = training_flops(model) * BATCH * steps / middle["ours"] * middle["matmul"]
    return name, rates, ratios, share / MATMUL_FLOPS


def plain_keras(model, **arguments):
    """Plain Keras model with these layers, as a user would write it."""
    import keras
    from keras import ops

    def copy(net):
        return keras.models.clone_model(net)

    class PlainAutoencoder(keras.Model):
        def __init__(self, encoder, decoder):
            super().__init__()
            self.encoder, self.decoder = encoder, decoder

        def call(self, x):
            return ops.sigmoid(self.decoder(self.encoder(x * 255.0)))

        def train_step(self, data):
            import tensorflow as tf

            with tf.GradientTape() as tape:
                loss = ops.mean(ops.square(data - self(data)))
            weights = self.trainable_weights
            self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
            self.tracker.update_state(loss)
            return {"loss": self.tracker.result()}

    class PlainVAE(keras.Model):
        def __init__(self, encoder, decoder):
            super().__init__()
            self.encoder, self.decoder = encoder, decoder
            self.seeds = keras.random.SeedGenerator(0)
            names = ("loss", "reconstruction_loss", "kl_loss")
            self.trackers = [keras.metrics.Mean(name) for name in names]

        @property
        def metrics(self):
            return self.trackers

        def train_step(self, data):
            import tensorflow as tf

            with tf.GradientTape() as tape:
                drawn = keras.random.uniform(ops.shape(data), seed=self.seeds)
                x = ops.cast(drawn < data, "float32")
                mean, log_var = self.encoder(x * 255.0)
                eps = keras.random.normal(ops.shape(mean), seed=self.seeds)
                logits = self.decoder(mean + ops.exp(0.5 * log_var) * eps)
                reconstruction = ops.mean(
                    ops.sum(ops.binary_crossentropy(x, logits, from_logits=True), axis=(1, 2, 3))
                )
                kl = -0.5 * (1 + log_var - ops.square(mean) - ops.exp(log_var))
                kl = ops.mean(ops.sum(kl, axis=1))
                loss = reconstruction + kl
            weights = self.trainable_weights
            self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
            for tracker, value in zip(self.trackers, (loss, reconstruction, kl), strict=True):
                tracker.update_state(value)
            return {tracker.name: tracker.result() for tracker in self.trackers}

    is_vae = len(model._heads.outputs) == 2
    net = (PlainVAE if is_vae else PlainAutoencoder)(copy(model._heads), copy(model.decoder))
    if not is_vae:
        net.tracker = keras.metrics.Mean("loss")
    net.compile("adam", **arguments)
    return net


def training_flops(model):
    """FLOPs of one image's products in training: forward, gradient of weights and of inputs."""
    forward = [
        2 * int(layer.kernel.shape.num_elements()) * positions(layer)
        for net in (model._heads, model.decoder)
        for layer in net.layers
        if hasattr(layer, "kernel")
    ]
    return 3 * sum(forward) - forward[0]


def positions(layer):
    """Returns the number of positions of one image at which a layer applies its weights."""
    import keras

    if isinstance(layer, keras.layers.Conv2DTranspose):
        return layer.input.shape[1] * layer.input.shape[2]
    if isinstance(layer, keras.layers.Conv2D):
        return layer.output.shape[1] * layer.output.shape[2]
    return 1


def table(rows, rounds):
    lines = [
        f"`make benchmark-generative`, {machine()}. MNIST's shape, batch {BATCH}, Adam; dense VAE "
        "784-200-200-50 with stochastic binarisation in all; plain Keras and "
        f"`fit_without_labels` in turns, medians of {rounds} rounds.",
        "",
        *table_head(
            *("network", "plain, default `compile` (XLA), steps/s", "plain, no XLA, steps/s"),
            *("`fit_without_labels`, steps/s", "times faster than default, than no XLA"),
            "share of the matmul rate",
        ),
    ]
    for name, rates, ratios, share in rows:
        numbers = " | ".join(f"{rate:.0f}" for rate in rates)
        faster = ", ".join(f"{ratio:.2f}" for ratio in ratios)
        lines.append(f"| {name} | {numbers} | {faster} | {share:.0%} |")
    return lines
