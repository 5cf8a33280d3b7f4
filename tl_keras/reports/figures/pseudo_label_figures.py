"""The figure of a training with pseudo-labels."""

import math

from matplotlib.ticker import MaxNLocator, PercentFormatter

from tl_keras.reports.figures.style import BLUE, GREEN, finish_axes, new_figure, styled

RATE, ACCURACY = "pseudo_label_rate", "pseudo_label_accuracy"
_LOOKS = {
    RATE: ("Sure enough to be used", BLUE, "o"),
    ACCURACY: ("Of these right, by labels that were not used", GREEN, "s"),
}


def has_pseudo_labels(history):
    """Whether a history of training has something for `plot_pseudo_labels`."""
    return any(not math.isnan(value) for value in history.get(RATE, ()))


@styled
def plot_pseudo_labels(history):
    """Draws how many unlabelled images had a pseudo-label, and how many of these were right.

    Args:
        history: dict of one list by epoch under "pseudo_label_rate" and, if it is known,
            "pseudo_label_accuracy"; NaN for epochs without.

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
