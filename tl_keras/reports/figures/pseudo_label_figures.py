"""Figure of a training with pseudo-labels."""

import math

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from tl_keras.reports.figures.style import BLUE, GREEN, finish_axes, new_figure, styled

RATE, ACCURACY = "pseudo_label_rate", "pseudo_label_accuracy"
_LOOKS = {
    RATE: ("Used: confidence above the threshold", BLUE, "o"),
    ACCURACY: ("Accuracy of these, by labels not used for training", GREEN, "s"),
}


def has_pseudo_labels(history: dict[str, list[float]]) -> bool:
    """Returns whether a history of training has data for `plot_pseudo_labels`."""
    return any(not math.isnan(value) for value in history.get(RATE, ()))


@styled
def plot_pseudo_labels(history: dict[str, list[float]]) -> Figure:
    """Plots the share of unlabelled images with a pseudo-label, and the accuracy of these.

    Args:
        history: dict of lists by epoch under "pseudo_label_rate" and, if known,
            "pseudo_label_accuracy"; NaN for epochs without a value.

    Returns:
        matplotlib Figure; epochs are numbered from 1.
    """
    figure = new_figure(6.4, 3.4)
    axes = finish_axes(figure.subplots())
    for name, (label, colour, marker) in _LOOKS.items():
        points = [(n, v) for n, v in enumerate(history.get(name, ()), 1) if not math.isnan(v)]
        if points:
            axes.plot(*zip(*points, strict=True), color=colour, marker=marker, label=label)
    axes.set_ylim(0, 1.02)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=10, integer=True, min_n_ticks=1))
    axes.set_title("Pseudo-labels")
    axes.set_xlabel("Epoch")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure
