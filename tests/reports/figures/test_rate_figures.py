"""The figure of a range test shows its numbers."""

import types

import numpy as np
import pytest

from tl_keras.reports.figures.rate_figures import plot_lr_find
from tl_keras.reports.figures.style import render_png


@pytest.mark.parametrize("suggestion", [1e-3, None])
def test_the_curve_is_over_the_logarithm_of_the_rate_with_the_suggestion_marked(suggestion):
    rates = np.geomspace(1e-5, 1, 20)
    losses = np.linspace(2, 1, 20)
    result = types.SimpleNamespace(
        rates=rates, losses=losses, smoothed=losses + 0.1, suggestion=suggestion
    )
    figure = plot_lr_find(result)
    (axes,) = figure.axes
    assert axes.get_xscale() == "log"
    lines = {line.get_label(): line for line in axes.lines}
    np.testing.assert_array_equal(lines["Smoothed"].get_ydata(), result.smoothed)
    np.testing.assert_array_equal(lines["Each step"].get_xdata(), rates)
    assert ("Suggested: 0.001" in lines) == (suggestion is not None)
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert {"0.0001", "0.1"} <= set(labels)
    assert render_png(figure).startswith(b"\x89PNG")
