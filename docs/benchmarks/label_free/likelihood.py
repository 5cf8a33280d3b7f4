"""Nats per MNIST test digit of a VAE 784-200-200-50, against time on this machine.

Each pixel is drawn black or white anew in every step. The learning rate falls along a cosine over
the time that is given, so that the end is reached whatever the speed. Prints the negative ELBO
and a quick bound as it goes (time for that is not counted), and at the end the bound from 5,000
samples on all images. Settings were chosen on the last 10,000 training images (`--validate`).

    TL_KERAS_DATA=folder python -m docs.benchmarks likelihood --minutes 30
    python -m docs.benchmarks likelihood --objective iwae --k 50 --batch-size 20
    python -m docs.benchmarks likelihood --epochs 20 --validate --final-k 100      # a trial

Writes its section of docs/benchmarks.md, trials excepted.
"""

import math
import time

from docs.benchmarks.shared.data_folder import load_mnist
from docs.benchmarks.shared.page import machine, replace_section, table_head

QUICK_K, QUICK_IMAGES = 100, 1000


def add_options(options):
    options.add_argument("--minutes", type=float, default=30)
    options.add_argument("--epochs", type=int, help="in place of minutes")
    options.add_argument("--reports", type=int, default=10, help="how often to print figures")
    options.add_argument("--validate", action="store_true", help="on held-out training images")
    options.add_argument("--final-k", type=int, default=5000)
    options.add_argument("--out", help="where to save the model, .keras")
    options.add_argument("--objective", default="elbo")
    options.add_argument("--k", type=int, default=50)
    options.add_argument("--batch-size", type=int, default=128)
    options.add_argument("--lr", type=float, default=1e-3)
    options.add_argument("--epsilon", type=float, default=1e-4)
    options.add_argument("--activation", default="tanh")
    options.add_argument("--kl-warmup", type=int, default=0)
    options.add_argument("--seed", type=int, default=0)


def main(given):
    (train, _), (held_out, _) = load_mnist(given.validate)
    model, clock = build(given), Clock(given)
    rows = fit(model, train, held_out, given, clock)
    started = time.monotonic()
    nats = -model.log_likelihood(held_out, given.final_k).mean()
    took = (time.monotonic() - started) / 60
    elbo = negative_elbo(model, held_out)
    print(f"bound from {given.final_k:,} samples {nats:.2f} ({took:.1f} min), ELBO -{elbo:.2f}")
    if given.out:
        model.save(given.out)
    if not given.validate:
        replace_section(f"Likelihood on MNIST, {given.objective}", table(rows, nats, elbo, given))


def build(given):
    import keras

    from tl_keras import VAE

    keras.utils.set_random_seed(given.seed)
    return VAE(
        (28, 28),
        50,
        activation=given.activation,
        likelihood="bernoulli",
        binarize=True,
        objective=given.objective,
        k=given.k,
        kl_warmup=given.kl_warmup,
        seed=given.seed,
    )


class Clock:
    """Returns the finished share of the training, by minutes without pauses or by epochs."""

    def __init__(self, given):
        self.minutes, self.epochs = given.minutes, given.epochs
        self.started, self.paused, self.epoch = None, 0.0, 0

    def start(self):
        self.started = time.monotonic()

    @property
    def passed(self):
        """Minutes of training."""
        return (time.monotonic() - self.started - self.paused) / 60

    @property
    def share(self):
        done = self.epoch / self.epochs if self.epochs else self.passed / self.minutes
        return min(done, 1.0)


def fit(model, train, held_out, given, clock):
    """Trains `model`; returns rows (epoch, minutes, negative ELBO, quick bound)."""
    import keras

    from tl_keras import fit_without_labels

    rows, next_report = [], [1]

    def begin(epoch, logs=None):
        if clock.started is None:
            clock.start()
        model.optimizer.learning_rate = given.lr * (1 + math.cos(math.pi * clock.share)) / 2

    def end(epoch, logs=None):
        clock.epoch = epoch + 1
        model.stop_training = clock.share >= 1
        if clock.share * given.reports >= next_report[0]:
            next_report[0] = math.floor(clock.share * given.reports) + 1
            rows.append(report(model, held_out, clock, logs))

    callbacks = [keras.callbacks.LambdaCallback(on_epoch_begin=begin, on_epoch_end=end)]
    settings = {"batch_size": given.batch_size, "epsilon": given.epsilon, "lr": given.lr}
    settings |= {"schedule": "constant", "epochs": given.epochs or 10**6, "seed": given.seed}
    fit_without_labels(model, train, callbacks=callbacks, **settings)
    return rows


def report(model, held_out, clock, logs):
    minutes, started = clock.passed, time.monotonic()
    elbo = negative_elbo(model, held_out)
    bound = -model.log_likelihood(held_out[:QUICK_IMAGES], QUICK_K).mean()
    clock.paused += time.monotonic() - started
    print(
        f"epoch {clock.epoch}, {minutes:.1f} min: training loss {logs['loss']:.2f}, negative ELBO "
        f"{elbo:.2f}, bound from {QUICK_K} samples on {QUICK_IMAGES:,} images {bound:.2f}",
        flush=True,
    )
    return clock.epoch, minutes, elbo, bound


def negative_elbo(model, held_out):
    """One sample of each image, the KL term in closed form."""
    import tl_keras

    twin = tl_keras.VAE.from_config({**model.get_config(), "objective": "elbo"})
    twin.set_weights(model.get_weights())
    twin.compile()
    return twin.evaluate(held_out, batch_size=1000, verbose=0, return_dict=True)["loss"]


def table(rows, nats, elbo, given):
    k = f" with k = {given.k}" if given.objective == "iwae" else ""
    return [
        f"`make benchmark-likelihood`, {machine()}. VAE 784-200-200-50, objective "
        f"{given.objective}{k}, stochastic binarisation, {given.activation}, batch "
        f"{given.batch_size}, Adam with epsilon {given.epsilon:g}, rate from {given.lr:g} to 0 "
        "along a cosine. Nats per image of the test set; the quick bound is from "
        f"{QUICK_K} samples on {QUICK_IMAGES:,} images.",
        "",
        *table_head("epochs", "minutes", "negative ELBO", "quick bound"),
        *(f"| {epoch} | {m:.1f} | {e:.2f} | {bound:.2f} |" for epoch, m, e, bound in rows),
        "",
        f"At the end: negative ELBO {elbo:.2f}, bound from {given.final_k:,} samples on all "
        f"10,000 images **{nats:.2f}**.",
    ]
