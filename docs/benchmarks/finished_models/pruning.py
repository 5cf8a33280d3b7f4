"""Costs and savings of pruning: CNN `small` and a fine-tuned MobileNetV2 on 5,000 CIFAR-10 labels.

About 5 minutes on 2 CPUs for the CNN and 20 for MobileNetV2, which needs --weights. Nothing is
chosen on other labels: the last weights are kept. The row of 0 % trained on for as many epochs as
the pruned ones, so that they differ in the pruning alone. Writes its section of docs/benchmarks.md.

    TL_KERAS_DATA=folder python -m docs.benchmarks pruning --weights mobilenet_v2_no_top.h5
"""

import time

from docs.benchmarks.shared.cifar import SIZE, accuracy, fine_tuned, load_cifar
from docs.benchmarks.shared.page import machine, replace_section, table_head

SPARSITIES = (0.0, 0.5, 0.8, 0.9)
NOTHING = 1e-12  # prunes no weight


def add_options(options):
    options.add_argument("--weights", help="ImageNet weights of MobileNetV2")
    options.add_argument("--cnn-epochs", type=int, default=40)
    options.add_argument("--teacher-epochs", type=int, default=8)
    options.add_argument("--scope", default="global")
    options.add_argument("--sparsities", type=float, nargs="+", default=SPARSITIES)


def main(given):
    started = time.monotonic()
    labelled, _, test = load_cifar()
    cnn = trained_cnn(labelled, given.cnn_epochs)
    how = {"prune_epochs": 8, "epochs": 12, "lr": 1e-3}
    rows = pruned("CNN `small`, 32 pixels", cnn, labelled, test, given, how)
    if given.weights:
        net = fine_tuned(given.weights, labelled, given.teacher_epochs)
        how = {"prune_epochs": 2, "epochs": 2, "batch_size": 32}
        rows += pruned(f"MobileNetV2, {SIZE} pixels", net, labelled, test, given, how)
    write_table(rows, given, time.monotonic() - started)


def trained_cnn(labelled, epochs):
    import keras

    from tl_keras import CNN, fit_from_scratch

    keras.utils.set_random_seed(0)
    model = CNN(10, architecture="small")
    fit_from_scratch(model, labelled, epochs=epochs)
    return model


def pruned(name, model, labelled, test, given, how):
    """Rows (name, sparsity of the kernels, zeros of all weights, MB, accuracy), the model first."""
    from tl_keras import prune
    from tl_keras.training.whole.magnitudes import weight_figures

    start = model.get_weights()
    rows = [row(name, None, weight_figures(model), accuracy(model, test))]
    for sparsity in given.sparsities:
        model.set_weights(start)
        history = prune(model, sparsity or NOTHING, labelled, scope=given.scope, **how)
        rows.append(row(name, sparsity, history.pruning["after"], accuracy(model, test)))
    return rows


def row(name, sparsity, figures, percent):
    zeros = figures["zeros"] / figures["weights"]
    megabytes = figures["gzip_bytes"] / 1e6
    sparsity = "as it was" if sparsity is None else f"{sparsity:.0%}"
    print(f"{name}: {sparsity}, {percent:.1f} %, {megabytes:.2f} MB", flush=True)
    return name, sparsity, zeros, megabytes, percent


def write_table(rows, given, seconds):
    lines = [
        f"`make benchmark-pruning`, {machine()}, {seconds / 60:.0f} minutes. CIFAR-10 with 5,000 "
        f"labels, one seed, magnitudes compared by scope `{given.scope}`. Rows but `as it was` "
        "all trained on for the same number of epochs.",
        "",
        *table_head(
            *("network", "pruned of the kernels", "zeros of all weights", "gzip, MB"),
            "test accuracy",
        ),
    ]
    for name, sparsity, zeros, megabytes, percent in rows:
        lines.append(f"| {name} | {sparsity} | {zeros:.0%} | {megabytes:.2f} | {percent:.1f} % |")
    replace_section("Pruning", lines)
