"""Figures of predictions: confusion matrix and reliability."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from tl_keras.checks import InputError
from tl_keras.reports.figures.style import (
    BLUE,
    GRAY,
    INK,
    ORANGE,
    axis_names,
    finish_axes,
    new_figure,
    styled,
)

_MOST_COUNTS = 20  # largest number of classes with all counts written
_MOST_TICKS = 34


@styled
def plot_confusion_matrix(matrix: Any, class_names: Sequence[str]) -> Figure:
    """Plots the confusion matrix, coloured by the share of the true class.

    Up to 20 classes, counts are written too. With many classes only some are named.

    Args:
        matrix: counts (num_classes, num_classes), rows true, columns predicted.
        class_names: num_classes texts.

    Returns:
        matplotlib Figure.

    Raises:
        InputError: the matrix is not square, or the number of names does not fit.
    """
    counts = np.asarray(matrix)
    if counts.shape != (len(class_names), len(class_names)) or not counts.size:
        raise InputError(
            f"Expected a matrix with a row and a column for each of {len(class_names)} classes; "
            f"received shape {counts.shape}."
        )
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = min(max(5.0, 2.5 + 0.5 * len(counts)), 9.0)
    figure = new_figure(side + 0.8, side)
    axes = finish_axes(figure.subplots(), grid=None)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    bar = figure.colorbar(image, ax=axes, shrink=0.6, format=PercentFormatter(1))
    bar.set_label("Share of the true class")
    bar.outline.set_visible(False)
    finish_axes(bar.ax, grid=None)
    _name_classes(axes, class_names)
    if len(counts) <= _MOST_COUNTS:
        _write_counts(axes, counts, shares)
    return figure


@styled
def plot_reliability(bins: list[dict], ece: float) -> Figure:
    """Plots accuracy by confidence, and below it the number of images by confidence.

    Args:
        bins: result of `evaluation.classifiers.calibration.reliability_bins`.
        ece: expected calibration error, 0-1.

    Returns:
        matplotlib Figure; the upper axes show the diagonal and the curve, the lower the counts.
    """
    figure = new_figure(6, 5.6)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    filled = [b for b in bins if b["count"]]
    finish_axes(upper).plot(
        [0, 1], [0, 1], color=GRAY, linestyle="--", label="Perfectly calibrated"
    )
    confidences, accuracies = [[b[key] for b in filled] for key in ("confidence", "accuracy")]
    upper.plot(confidences, accuracies, color=BLUE, label="This model; larger point: more images")
    total = sum(b["count"] for b in filled)
    upper.scatter(confidences, accuracies, [12 + 140 * b["count"] / total for b in filled], BLUE)
    upper.vlines(confidences, accuracies, confidences, color=ORANGE, linewidth=1, alpha=0.7)
    upper.set_ylabel("Accuracy")
    upper.set_ylim(-0.03, 1.03)
    upper.set_title(f"Expected calibration error {ece:.1%}")
    figure.legend(loc="outside lower center", ncols=2)
    upper.yaxis.set_major_formatter(PercentFormatter(1))
    widths = [b["high"] - b["low"] for b in bins]
    finish_axes(lower, grid="y").bar(
        [b["low"] for b in bins],
        [b["count"] for b in bins],
        widths,
        align="edge",
        color=BLUE,
        edgecolor="white",
    )
    lower.set(xlabel="Confidence (largest probability)", ylabel="Images", xlim=(-0.02, 1.02))
    lower.xaxis.set_major_formatter(PercentFormatter(1))
    lower.yaxis.set_major_locator(MaxNLocator(nbins=3, integer=True))
    return figure


def _name_classes(axes, class_names):
    names = axis_names(class_names, width=22)
    every = math.ceil(len(names) / _MOST_TICKS)
    ticks = range(0, len(names), every)
    size = 9 if len(names) <= _MOST_COUNTS else 7
    longest = max(len(name) for name in names)
    turn = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
    if every > 1 or len(names) > _MOST_COUNTS:
        turn = {"rotation": 90}
    elif longest <= 3:
        turn = {}
    axes.set_xticks(ticks, [names[t] for t in ticks], fontsize=size, **turn)
    axes.set_yticks(ticks, [names[t] for t in ticks], fontsize=size)
    axes.set(xlabel="Predicted class", ylabel="True class")


def _write_counts(axes, counts, shares):
    size = 10 if len(counts) <= 10 and counts.max() < 1000 else 7
    for row, column in np.ndindex(*counts.shape):
        if counts[row, column]:
            colour = "white" if shares[row, column] > 0.5 else INK
            text = {"ha": "center", "va": "center", "color": colour, "fontsize": size}
            axes.text(column, row, str(counts[row, column]), **text)
