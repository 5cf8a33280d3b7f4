"""Figures of a comparison of methods: accuracy by number of labels and by time."""

from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, LogLocator, NullLocator, PercentFormatter

from tl_keras.reports.figures.style import (
    BLUE,
    GRAY,
    GREEN,
    ORANGE,
    axis_names,
    finish_axes,
    new_figure,
    styled,
)

# Okabe and Ito's further colours for more than four methods.
_COLOURS = (BLUE, ORANGE, GREEN, "#CC79A7", "#56B4E9", "#E69F00", GRAY)
_MARKERS = "osD^vPX"
# Horizontal offset of the methods, relative to a budget, so that intervals do not overlap.
_SPREAD = 0.03


@styled
def plot_accuracy_by_labels(summary: list[dict]) -> Figure:
    """Plots the test accuracy of each method by the labels per class, on a logarithmic axis.

    Args:
        summary: dicts of "method", "labels_per_class", "test_accuracy" (0-1) and "interval" (half
            its width).

    Returns:
        matplotlib Figure; error bars are 95% intervals over seeds and test images.
    """
    figure = new_figure(8, 4.6)
    axes = finish_axes(figure.subplots())
    methods = _methods(summary)
    for number, (name, look, points) in enumerate(_series(summary)):
        shift = 1 + _SPREAD * (number - (len(methods) - 1) / 2)
        axes.errorbar(
            [p["labels_per_class"] * shift for p in points],
            [p["test_accuracy"] for p in points],
            yerr=[p["interval"] for p in points],
            label=name,
            capsize=3,
            linewidth=1.6,
            **look,
        )
    budgets = sorted({point["labels_per_class"] for point in summary})
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(budgets))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("Labels per class")
    _finish(figure, axes)
    return figure


@styled
def plot_accuracy_by_time(summary: list[dict]) -> Figure:
    """Plots the test accuracy of each method and budget by the seconds per run.

    Args:
        summary: as in `plot_accuracy_by_labels`, with "seconds".

    Returns:
        matplotlib Figure; the number at a point is its labels per class.
    """
    figure = new_figure(8, 4.6)
    axes = finish_axes(figure.subplots())
    for name, look, points in _series(summary):
        seconds = [max(p["seconds"], 1e-3) for p in points]
        accuracies = [p["test_accuracy"] for p in points]
        axes.plot(seconds, accuracies, label=name, linewidth=1, **look)
        for point, x, y in zip(points, seconds, accuracies, strict=True):
            text = f"{point['labels_per_class']}"
            place = {"xytext": (5, -11), "textcoords": "offset points"}
            axes.annotate(text, (x, y), fontsize=8, color=look["color"], **place)
    axes.set_xscale("log")
    times = [max(point["seconds"], 1e-3) for point in summary]
    axes.set_xlim(min(times) / 1.6, max(times) * 1.6)  # wide enough for at least one tick
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("Seconds of training, mean per run")
    _finish(figure, axes)
    return figure


def _methods(summary):
    return list(dict.fromkeys(point["method"] for point in summary))


def _series(summary):
    """Yields (name, style, points by ascending budget) of each method."""
    methods = _methods(summary)
    for number, name in enumerate(axis_names(methods, width=32)):
        look = {
            "color": _COLOURS[number % len(_COLOURS)],
            "marker": _MARKERS[number % len(_MARKERS)],
        }
        points = [point for point in summary if point["method"] == methods[number]]
        yield name, look, sorted(points, key=lambda point: point["labels_per_class"])


def _finish(figure, axes):
    axes.set_ylabel("Test accuracy")
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
