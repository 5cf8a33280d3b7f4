"""Figure of a range test for the learning rate."""

from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from tl_keras.reports.figures.style import BLUE, GRAY, ORANGE, finish_axes, new_figure, styled


@styled
def plot_lr_find(result: Any) -> Figure:
    """Plots the loss by learning rate, with the suggested rate if there is one.

    Args:
        result: result of `lr_find` with "rates", "losses" and "smoothed", (n,) each, and
            "suggestion".

    Returns:
        matplotlib Figure.
    """
    figure = new_figure(6.4, 3.8)
    axes = finish_axes(figure.subplots())
    axes.plot(result.rates, result.losses, color=GRAY, linewidth=0.8, alpha=0.6, label="Each step")
    axes.plot(result.rates, result.smoothed, color=BLUE, linewidth=2, label="Smoothed")
    if result.suggestion is not None:
        label = f"Suggested: {result.suggestion:.2g}"
        axes.axvline(result.suggestion, color=ORANGE, linestyle="--", linewidth=1.5, label=label)
    axes.set_xscale("log")
    # Matplotlib labels a logarithmic axis with formulas, which the style does not render.
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    low, high = min(result.losses), max(result.smoothed)
    room = 0.05 * max(high - low, 1e-6)
    axes.set_ylim(low - room, high + room)
    axes.set_title("Learning rate range test")
    axes.set_xlabel("Learning rate of the head")
    axes.set_ylabel("Loss (nats)")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure
