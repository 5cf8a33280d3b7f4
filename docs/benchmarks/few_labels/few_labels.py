"""MNIST with ten labels per class and the other training images without: what helps how much.

Labelled images, weights and order depend on the seed; all ways have the same seeds.

- Labels alone: CNN `small` with the digits' augmentation on the 100 labels, for as many steps.
- Pseudo-labels: the same network, augmentation and average, FixMatch on all other training images.
- Each `--encoder NAME=RUN`, a run folder of `tl-keras pretrain` or an encoder's .keras file: a
  linear head and fine-tuning on the 100 labels. `--then-pseudo-labels` adds FixMatch from there.

The settings were chosen with `--validate`, which leaves the test images aside. It trains on the
first 50,000 training images and measures on the last 10,000, with labels drawn by other seeds.

    TL_KERAS_DATA=folder python -m docs.benchmarks few_labels --encoder vae=runs/v
    python -m docs.benchmarks few_labels --validate --first-seed 100 --seeds 1      # a trial

Writes its section of docs/benchmarks.md, trials excepted.
"""

import time

from docs.benchmarks.shared.data_folder import load_mnist
from docs.benchmarks.shared.page import machine, replace_section, table_head

LABELS_PER_CLASS = 10


def add_options(options):
    options.add_argument("--seeds", type=int, default=3, help="how many")
    options.add_argument("--first-seed", type=int, default=0)
    options.add_argument("--epochs", type=int, default=12, help="over the unlabelled images")
    options.add_argument("--batch-size", type=int, default=32)
    options.add_argument("--unlabelled-ratio", type=int, default=4)
    options.add_argument("--lr", type=float, default=1e-3)
    options.add_argument("--encoder", action="append", default=[], metavar="NAME=RUN")
    options.add_argument("--then-pseudo-labels", action="store_true")
    options.add_argument("--only", help="names of ways that begin so")
    options.add_argument("--validate", action="store_true", help="on held-out training images")


def main(given):
    train, held_out = images(given.validate)
    rows = {}
    for seed in range(given.first_seed, given.first_seed + given.seeds):
        for name, way in ways(given):
            accuracy, seconds = run(way, train, held_out, seed)
            rows.setdefault(name, []).append((accuracy, seconds))
            print(f"seed {seed}, {name}: {accuracy:.2f} %, {seconds:.0f} s", flush=True)
    lines = table(rows, given, len(train))
    if given.validate:
        print("\n".join(lines))
    else:
        replace_section("MNIST with 100 labels", lines)


def images(validate):
    """(training images, those to measure on)"""
    from tl_keras import ImageDataset

    return (
        ImageDataset.from_arrays(*arrays, split=split, source="mnist")
        for arrays, split in zip(load_mnist(validate), ("train", "test"), strict=True)
    )


def ways(given):
    """(name, function (labelled, rest, seed) -> classifier) of each way that is asked for."""
    found = [
        ("labels alone", lambda *data: self_taught(cnn(), *data, given, unlabelled_weight=0.0)),
        ("pseudo-labels", lambda *data: self_taught(cnn(), *data, given)),
    ]
    for pair in given.encoder:
        name, path = pair.split("=", 1)
        found.append((name, lambda *data, path=path: fine_tuned(path, *data)))
        if given.then_pseudo_labels:
            found.append(
                (
                    f"{name}, then pseudo-labels",
                    lambda *data, path=path: self_taught(fine_tuned(path, *data), *data, given),
                )
            )
    return [(name, way) for name, way in found if name.startswith(given.only or "")]


def run(way, train, held_out, seed):
    """(accuracy in %, seconds)"""
    import keras

    from tl_keras.data.splits import keep_and_rest
    from tl_keras.jobs.finished.evaluate import measure

    labelled, rest = keep_and_rest(train, LABELS_PER_CLASS, seed)
    keras.utils.set_random_seed(seed)
    started = time.monotonic()
    model = way(labelled, rest, seed)
    seconds = time.monotonic() - started
    return 100 * measure(model, held_out, batch_size=500)[1]["accuracy"], seconds


def cnn():
    from tl_keras import CNN

    return CNN(10, architecture="small")


def self_taught(model, labelled, rest, seed, given, **settings):
    from tl_keras import fit_with_pseudo_labels

    ratio = given.unlabelled_ratio
    batch_size = given.batch_size * (1 + ratio)
    settings |= {"epochs": given.epochs, "batch_size": batch_size, "lr": given.lr}
    fit_with_pseudo_labels(model, labelled, rest, seed=seed, unlabelled_ratio=ratio, **settings)
    return model


def fine_tuned(path, labelled, rest, seed):
    from tl_keras import build_classifier, fine_tune

    model = build_classifier(path, 10, head="gap", dropout=0.5)
    fine_tune(model, labelled, unfreeze="all", seed=seed)
    return model


def table(rows, given, size):
    import numpy as np

    from tl_keras.evaluation.statistics.intervals import mean_interval

    unlabelled = size - 10 * LABELS_PER_CLASS
    lines = [
        f"`make benchmark-few-labels`, {machine()}. Ten labels per class, {unlabelled:,} training "
        f"images without; accuracy on the 10,000 {'held-out' if given.validate else 'test'} "
        f"images. CNN `small`, {given.epochs} epochs over the unlabelled images, batches of "
        f"{given.batch_size} labelled and {given.batch_size * given.unlabelled_ratio} unlabelled; "
        "labels alone for as many steps. Settings chosen on held-out training images with other "
        "labels. Mean and 95 % interval (Student's t); each seed draws other labels.",
        "",
        *table_head("way", "each seed, %", "mean, %", "seconds a run"),
    ]
    for name, results in rows.items():
        accuracies, seconds = zip(*results, strict=True)
        mean = mean_interval(accuracies)
        half = "" if mean.half is None else f" ± {mean.half:.1f}"
        each = ", ".join(f"{accuracy:.1f}" for accuracy in accuracies)
        lines.append(f"| {name} | {each} | {mean.mean:.1f}{half} | {np.mean(seconds):.0f} |")
    return lines
