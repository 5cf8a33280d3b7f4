"""Figure of the answers of a model: error by share answered."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from tl_keras.evaluation.classifiers.answers import Answers, exact_interval
from tl_keras.evaluation.classifiers.selective_error import risk_coverage
from tl_keras.reports.figures.style import (
    BLUE,
    GRAY,
    ORANGE,
    finish_axes,
    new_figure,
    styled,
)

_POINTS = 200  # of the band


@styled
def plot_answers(answers: Answers, max_error: float) -> Figure:
    """Plots the error among answers by the share of images that is answered.

    Novel images are never answered, so the curve ends before them.

    Args:
        answers: of the test images.
        max_error: promised error, 0-1.
    """
    known, total = ~answers.novel, len(answers.answer)
    figure = new_figure(6.4, 4.2)
    axes = finish_axes(figure.subplots())
    highest = max_error
    if known.any():
        error = _draw_curve(axes, answers.certainty[known], answers.right[known], total)
        highest = max(highest, error)
    axes.axhline(
        max_error, color=ORANGE, linestyle="--", label=f"Promised: at most {max_error:.1%}"
    )
    share = float(answers.answered.mean())
    axes.axvspan(share, 1, color=GRAY, alpha=0.15, linewidth=0, label="Left to a person")
    axes.axvline(share, color=GRAY)
    axes.set(xlabel="Share of test images answered", ylabel="Wrong among the answers")
    axes.set(xlim=(0, 1), ylim=(0, min(1.6 * highest, 1)))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1))
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def _draw_curve(axes, certainty, right, total):
    share, error = risk_coverage(certainty, right)
    share = share * len(certainty) / total
    some = np.unique(np.linspace(0, len(share) - 1, _POINTS).astype(int))
    ends = [
        exact_interval(round(error[i] * share[i] * total), round(share[i] * total)) for i in some
    ]
    low, high = np.transpose(ends)
    axes.fill_between(share[some], low, high, color=BLUE, alpha=0.15, linewidth=0)
    axes.plot(share, error, color=BLUE, label="Test images, with 95% interval")
    return error.max()
