"""Costs and savings of pruning: CNN `small` and a fine-tuned MobileNetV2 on 5,000 CIFAR-10 labels.

About 5 minutes on 2 CPUs for the CNN and 20 for MobileNetV2, which needs --weights. Nothing is
chosen on other labels: the last weights are kept. The row of 0 % trained on for as many epochs as
the pruned ones, so that they differ in the pruning alone. Writes its section of docs/benchmarks.md.

    TL_KERAS_DATA=folder python docs/benchmarks/pruning.py [--weights mobilenet_v2_no_top.h5]
"""

import argparse
import os
import time

from cifar import SIZE, accuracy, fine_tuned, load_cifar
from tables import machine, replace_section

SPARSITIES = (0.0, 0.5, 0.8, 0.9)
NOTHING = 1e-12  # prunes no weight


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--weights", help="ImageNet weights of MobileNetV2")
    options.add_argument("--cnn-epochs", type=int, default=40)
    options.add_argument("--teacher-epochs", type=int, default=8)
    options.add_argument("--scope", default="global")
    options.add_argument("--sparsities", type=float, nargs="+", default=SPARSITIES)
    chosen = options.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    started = time.monotonic()
    labelled, _, test = load_cifar()
    cnn = trained_cnn(labelled, chosen.cnn_epochs)
    how = {"prune_epochs": 8, "epochs": 12, "lr": 1e-3}
    rows = pruned("CNN `small`, 32 pixels", cnn, labelled, test, chosen, how)
    if chosen.weights:
        net = fine_tuned(chosen.weights, labelled, chosen.teacher_epochs)
        how = {"prune_epochs": 2, "epochs": 2, "batch_size": 32}
        rows += pruned(f"MobileNetV2, {SIZE} pixels", net, labelled, test, chosen, how)
    write_table(rows, chosen, time.monotonic() - started)


def trained_cnn(labelled, epochs):
    import keras

    from tl_keras import CNN, fit_from_scratch

    keras.utils.set_random_seed(0)
    model = CNN(10, architecture="small")
    fit_from_scratch(model, labelled, epochs=epochs)
    return model


def pruned(name, model, labelled, test, chosen, how):
    """Rows (name, sparsity of the kernels, zeros of all weights, MB, accuracy), the model first."""
    from tl_keras import prune
    from tl_keras.training.whole.magnitudes import weight_figures

    start = model.get_weights()
    rows = [row(name, None, weight_figures(model), accuracy(model, test))]
    for sparsity in chosen.sparsities:
        model.set_weights(start)
        history = prune(model, sparsity or NOTHING, labelled, scope=chosen.scope, **how)
        rows.append(row(name, sparsity, history.pruning["after"], accuracy(model, test)))
    return rows


def row(name, sparsity, figures, percent):
    zeros = figures["zeros"] / figures["weights"]
    megabytes = figures["gzip_bytes"] / 1e6
    sparsity = "as it was" if sparsity is None else f"{sparsity:.0%}"
    print(f"{name}: {sparsity}, {percent:.1f} %, {megabytes:.2f} MB", flush=True)
    return name, sparsity, zeros, megabytes, percent


def write_table(rows, chosen, seconds):
    lines = [
        f"`make benchmark-pruning`, {machine()}, {seconds / 60:.0f} minutes. CIFAR-10 with 5,000 "
        f"labels, one seed, magnitudes compared by scope `{chosen.scope}`. Rows but `as it was` "
        "all trained on for the same number of epochs.",
        "",
        "| network | pruned of the kernels | zeros of all weights | gzip, MB | test accuracy |",
        "|---|---|---|---|---|",
    ]
    for name, sparsity, zeros, megabytes, percent in rows:
        lines.append(f"| {name} | {sparsity} | {zeros:.0%} | {megabytes:.2f} | {percent:.1f} % |")
    replace_section("Pruning", lines)


if __name__ == "__main__":
    main()
