"""Confusion matrix and reliability curve show the numbers they are given."""

import numpy as np
import pytest

from tl_keras.checks import InputError
from tl_keras.evaluation.classifiers.calibration import reliability_bins
from tl_keras.reports.figures.prediction_figures import plot_confusion_matrix, plot_reliability
from tl_keras.reports.figures.style import render_png


def test_confusion_matrix_writes_counts_and_colours_shares_of_the_true_class():
    axes = plot_confusion_matrix([[3, 1], [0, 6]], ["cat", "dog"]).axes[0]
    written = {text.get_position(): text.get_text() for text in axes.texts}
    assert written == {(0, 0): "3", (1, 0): "1", (1, 1): "6"}  # (column, row)
    np.testing.assert_allclose(axes.images[0].get_array(), [[0.75, 0.25], [0, 1]])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cat", "dog"]
    assert axes.get_xlabel() == "Predicted class"
    assert axes.get_ylabel() == "True class"


def test_class_without_images_is_an_empty_row():
    axes = plot_confusion_matrix([[0, 0], [1, 1]], ["none", "some"]).axes[0]
    np.testing.assert_allclose(axes.images[0].get_array()[0], 0)


def test_dark_cells_have_light_counts():
    axes = plot_confusion_matrix([[9, 1], [0, 6]], ["cat", "dog"]).axes[0]
    colours = {text.get_text(): text.get_color() for text in axes.texts}
    assert colours["9"] == colours["6"] == "white"
    assert colours["1"] != "white"


def test_hundred_classes_have_fewer_names_and_no_counts():
    names = [f"a class with a rather long name and number {i}" for i in range(100)]
    figure = plot_confusion_matrix(np.eye(100, dtype=int), names)
    axes = figure.axes[0]
    assert len(axes.texts) == 0
    assert 20 <= len(axes.get_xticks()) <= 40
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in axes.get_yticklabels()]
    tops = sorted((box.y0, box.y1) for box in boxes)
    assert all(below[1] <= above[0] + 1 for below, above in zip(tops, tops[1:], strict=False))


def test_long_names_stay_inside_the_figure():
    names = ["x" * 40, "a name with spaces in it " * 4, "猫" * 40, "$\\frac{1$ or $2", "two\nlines"]
    figure = plot_confusion_matrix(np.eye(5, dtype=int), names)
    render_png(figure)
    for label in [*figure.axes[0].get_xticklabels(), *figure.axes[0].get_yticklabels()]:
        box = label.get_window_extent()
        assert box.x0 >= 0
        assert box.y0 >= 0


def test_matrix_that_does_not_fit_the_names_is_refused():
    with pytest.raises(InputError, match="each of 3 classes; received shape \\(2, 2\\)"):
        plot_confusion_matrix([[1, 0], [0, 1]], list("abc"))


def test_reliability_curve_goes_through_the_filled_bins():
    probabilities = np.array([[0.95, 0.05], [0.9, 0.1], [0.55, 0.45], [0.6, 0.4]])
    bins = reliability_bins(probabilities, [0, 1, 0, 0], bins=10)
    upper, lower = plot_reliability(bins, 0.0875).axes
    diagonal, curve = upper.lines
    assert list(diagonal.get_xdata()) == list(diagonal.get_ydata()) == [0, 1]
    filled = [b for b in bins if b["count"]]
    assert list(curve.get_xdata()) == [b["confidence"] for b in filled]
    assert list(curve.get_ydata()) == [b["accuracy"] for b in filled]
    assert [bar.get_height() for bar in lower.patches] == [b["count"] for b in bins]
    assert "8.8%" in upper.get_title(loc="left")
