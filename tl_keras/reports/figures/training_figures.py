"""Figures of a training run: learning curves, a comparison, sample images."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter, PercentFormatter

from tl_keras.checks import InputError
from tl_keras.evaluation.labelling.forecast import Curve, Forecast
from tl_keras.reports.figures.prediction_figures import plot_confusion_matrix, plot_reliability
from tl_keras.reports.figures.style import (
    BLUE,
    GRAY,
    GREEN,
    INK,
    ORANGE,
    axis_names,
    finish_axes,
    new_figure,
    styled,
)

__all__ = [
    "plot_comparison",
    "plot_confusion_matrix",
    "plot_forecast",
    "plot_learning_curves",
    "plot_reliability",
    "plot_samples",
]


@styled
def plot_learning_curves(history: dict[str, list[float]], phases: Sequence[dict] = ()) -> Figure:
    """Plots loss and accuracy by epoch, with a dashed line at the start of each training phase.

    Args:
        history: dict of lists by epoch under "loss", "accuracy" and, with validation, "val_loss"
            and "val_accuracy". Other keys are ignored.
        phases: dicts of "name", "start" and "end", epochs from 0, end exclusive.

    Returns:
        matplotlib Figure with two axes; the first epoch is at 1.

    Raises:
        InputError: there is no loss or no epoch.
    """
    if not history.get("loss"):
        raise InputError(
            "Expected a history with the losses of at least one epoch under 'loss'; received "
            f"{ {name: len(values) for name, values in history.items()} }."
        )
    figure = new_figure(9.6, 3.6)
    loss, accuracy = figure.subplots(1, 2)
    _draw_curves(loss, history, "loss", "Loss (nats)")
    _draw_curves(accuracy, history, "accuracy", "Accuracy")
    _show_percent(accuracy)
    loss.ticklabel_format(axis="y", useOffset=False, style="plain")
    for axes in (loss, accuracy):
        _draw_phases(axes, phases, len(history["loss"]))
    handles, names = loss.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names))
    return figure


@styled
def plot_forecast(curve: Curve, forecasts: Sequence[Forecast]) -> Figure:
    """Plots the accuracy by number of labels: measured by holding out, and forecast.

    Args:
        curve: measured `Curve`.
        forecasts: `Forecast`s, ascending in labels, that of today first.

    Returns:
        matplotlib Figure; the axis of labels is logarithmic.
    """
    figure = new_figure(6.4, 3.8)
    axes = finish_axes(figure.subplots())
    labels = [each.labels for each in forecasts]
    axes.plot(curve.sizes, curve.accuracies, color=GRAY, marker="o", label="Held-out images")
    axes.plot(labels, [each.expected for each in forecasts], color=BLUE, label="Forecast")
    ends = ([each.low for each in forecasts], [each.high for each in forecasts])
    axes.fill_between(labels, *ends, color=BLUE, alpha=0.15, linewidth=0, label="80% interval")
    axes.set_xscale("log")
    ticks = [*curve.sizes[:-1], *(curve.labels * times for times in (1, 2, 4))]
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_title("Accuracy with more labels")
    axes.set_xlabel("Labels")
    _show_percent(axes)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


@styled
def plot_comparison(comparison: Sequence[dict]) -> Figure:
    """Plots the accuracy of several methods as bars with their intervals.

    Args:
        comparison: dicts of "name", "accuracy" (0-1) and "interval" ((low, high) or None).

    Returns:
        matplotlib Figure; the first method is on top.
    """
    figure = new_figure(8, 1.1 + 0.45 * len(comparison))
    axes = finish_axes(figure.subplots(), grid="x")
    for row, way in enumerate(comparison):
        accuracy = way["accuracy"]
        axes.barh(row, accuracy, height=0.6, color=BLUE if row == 0 else "#8CB8D6")
        high = accuracy
        if way.get("interval"):
            low, high = way["interval"]
            axes.plot([low, high], [row, row], color=INK, linewidth=1.5, marker="|")
        axes.text(high + 0.015, row, f"{accuracy:.1%}", va="center")
    names = axis_names([way["name"] for way in comparison], width=40)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.12)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1])
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    told = any(way.get("interval") for way in comparison)
    axes.set_xlabel("Accuracy, with its 95% interval" if told else "Accuracy")
    return figure


@styled
def plot_samples(images: Sequence[np.ndarray], titles: Sequence[str], columns: int = 6) -> Figure:
    """Shows images in a grid.

    Args:
        images: uint8 images (h, w, 3) or (h, w), 0-255; they may differ in size.
        titles: one text for each image.
        columns: images per row. Defaults to 6.

    Returns:
        matplotlib Figure.

    Raises:
        InputError: there are no images, or the number of titles differs.
    """
    if not len(images) or len(images) != len(titles):
        raise InputError(
            "Expected at least one image and one title for each; received "
            f"{len(images)} images and {len(titles)} titles."
        )
    columns = min(columns, len(images))
    rows = math.ceil(len(images) / columns)
    figure = new_figure(1.6 * columns, 1.85 * rows)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid:
        axes.axis("off")
    for axes, image, title in zip(grid, images, axis_names(titles, width=20), strict=False):
        axes.imshow(image, cmap="gray", vmin=0, vmax=255)
        axes.set_title(title, fontsize=8, fontweight="normal", loc="center")
    return figure


def _draw_curves(axes, history, name, title):
    finish_axes(axes)
    axes.set_title(title)
    axes.set_xlabel("Epoch")
    looks = {
        name: ("Training", BLUE, "o", 6),
        f"val_{name}": ("Validation", ORANGE, "s", 4),
    }
    epochs = range(1, len(history["loss"]) + 1)
    for key, (label, colour, marker, size) in looks.items():
        known = np.flatnonzero(np.isfinite(history.get(key, ())))
        if len(known):
            size = size if len(known) <= 30 else 0
            look = {"color": colour, "marker": marker, "markersize": size, "label": label}
            axes.plot(known + 1, np.asarray(history[key])[known], **look)
    axes.set_xlim(0.5, len(epochs) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=10, integer=True, min_n_ticks=1))


def _show_percent(axes):
    """Formats the y axis as percent, over at least ten points so that noise does not look large."""
    low, high = axes.get_ylim()
    middle, half = (low + high) / 2, max((high - low) / 2, 0.05)
    axes.set_ylim(max(middle - half, -0.02), min(middle + half, 1.02))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=7, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))


def _draw_phases(axes, phases, num_epochs):
    """Marks the start of each phase and writes its name above the axes."""
    above = axes.get_xaxis_transform()
    crowded = any((p["end"] - p["start"]) / num_epochs < 0.2 for p in phases)
    if phases:
        axes.set_title(axes.get_title(loc="left"), pad=34 if crowded else 22)
    for number, phase in enumerate(phases):
        boundary = phase["start"] + 0.5
        if phase["start"]:
            axes.axvline(boundary, color=GREEN, linestyle="--", linewidth=1.2)
        height = 1.085 if crowded and number % 2 else 1.02
        name = axis_names([str(phase["name"]).replace("_", " ")])[0]
        axes.text(boundary, height, name, transform=above, fontsize=9, color=GRAY)
