"""Figures of a pretraining: curves, and codes of images in a plane."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tl_keras.checks import InputError
from tl_keras.reports.figures.style import (
    BLUE,
    ORANGE,
    axis_names,
    finish_axes,
    new_figure,
    styled,
)

_NATS = {"reconstruction_loss": "Reconstruction (nats)", "kl_loss": "KL (nats)"}
_MOST_NAMED = 20  # classes in a legend
_MANY_EPOCHS = 30


@styled
def plot_pretraining_curves(history: dict[str, list[float]]) -> Figure:
    """Plots the metrics by epoch.

    Args:
        history: dict of lists by epoch. Autoencoder or VAE: "loss", its metrics, and each with the
            prefix "val_". GAN: "d_loss", "g_loss", "real_accuracy", "fake_accuracy" and
            "diversity". Two views: "loss", "embedding_spread" and the metrics of `EmbeddingWatch`.
            Episodes: "loss" and "accuracy".

    Returns:
        matplotlib Figure; the first epoch is at 1.

    Raises:
        InputError: there is no epoch.
    """
    if not any(len(values) for values in history.values()):
        raise InputError(f"Expected a history of at least one epoch; received {history}.")
    panels = _panels(history)
    figure = new_figure(3.4 * len(panels) + 1, 3.4)
    row = figure.subplots(1, len(panels), squeeze=False)[0]
    for axes, (title, lines) in zip(row, panels, strict=True):
        finish_axes(axes)
        axes.set_title(title)
        axes.set_xlabel("Epoch")
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))
        for colour, (label, values) in zip((BLUE, ORANGE), lines, strict=False):
            marker = "o" if len(values) <= _MANY_EPOCHS else None
            epochs = range(1, len(values) + 1)
            axes.plot(epochs, values, color=colour, label=label, marker=marker, markersize=4)
        if len(lines) > 1:
            axes.legend(fontsize=8)
    return figure


@styled
def plot_latent_planes(
    planes: Sequence[tuple[np.ndarray, str]],
    labels: np.ndarray | None = None,
    class_names: Sequence[str] = (),
) -> Figure:
    """Plots codes of images as points, coloured by class if there are labels.

    Args:
        planes: list of (points float (n, 2), description of the axes).
        labels: ints (n,), or None.
        class_names: name of each label.

    Returns:
        matplotlib Figure with axes for each plane.

    Raises:
        InputError: points are not (n, 2), or the numbers of points and labels differ.
    """
    if any(np.ndim(p) != 2 or np.shape(p)[1] != 2 for p, _ in planes) or (
        labels is not None and any(len(points) != len(labels) for points, _ in planes)
    ):
        raise InputError(
            "Expected points (n, 2) with a label each or none; received "
            f"{[np.shape(points) for points, _ in planes]} and {np.shape(labels)}."
        )
    figure = new_figure(4.6 * len(planes) + 0.8, 4.6)
    row = figure.subplots(1, len(planes), squeeze=False)[0]
    for axes, (points, words) in zip(row, planes, strict=True):
        finish_axes(axes, grid=None)
        axes.set_title(f"{words[0].upper()}{words[1:]}", fontsize=9)
        axes.set_xticks([])
        axes.set_yticks([])
        _scatter(axes, points, labels, class_names)
    if labels is not None and len(class_names) <= _MOST_NAMED:
        handles, names = axes.get_legend_handles_labels()
        figure.legend(handles, names, loc="outside right center", fontsize=8, markerscale=2)
    return figure


def _panels(history):
    """Returns [(title, [(label, values)])]."""
    if "d_loss" in history:
        shown = [
            ("Losses", {"d_loss": "discriminator", "g_loss": "generator"}),
            ("Recognised", {"real_accuracy": "real", "fake_accuracy": "generated"}),
            ("Diversity of samples", {"diversity": "diversity"}),
        ]
    elif "embedding_spread" in history:
        shown = [
            ("Loss", {"loss": "training", "val_loss": "validation"}),
            ("Spread", {"embedding_spread": "embeddings", "feature_spread": "features"}),
            ("Classes found", {"knn_accuracy": "neighbours", "linear_accuracy": "linear"}),
        ]
    elif "accuracy" in history:
        shown = [
            ("Loss", {"loss": "training", "val_loss": "validation"}),
            ("Accuracy of queries", {"accuracy": "training", "val_accuracy": "validation"}),
        ]
    else:
        title = "Loss (nats)" if "kl_loss" in history else "Mean squared error"
        names = {"loss": title} | _NATS
        shown = [
            (title, {name: "training", f"val_{name}": "validation"})
            for name, title in names.items()
            if name in history
        ]
    return [
        (title, [(label, history[key]) for key, label in lines.items() if key in history])
        for title, lines in shown
        if any(key in history for key in lines)
    ]


def _scatter(axes, points, labels, class_names):
    look = {"s": 9, "linewidths": 0, "alpha": 0.8}
    if labels is None:
        axes.scatter(*points.T, color=BLUE, **look)
        return
    colours = _colours(len(class_names))
    for label, name in enumerate(axis_names(class_names, width=20)):
        mine = points[labels == label]
        axes.scatter(*mine.T, color=colours[label], label=name, **look)


def _colours(count):
    if count <= 10:
        return matplotlib.colormaps["tab10"].colors
    if count <= _MOST_NAMED:
        return matplotlib.colormaps["tab20"].colors
    return matplotlib.colormaps["turbo"](np.linspace(0, 1, count))
