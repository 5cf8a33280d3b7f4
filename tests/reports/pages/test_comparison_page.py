"""The page of a comparison shows its numbers and terms, and loads nothing."""

import numpy as np
import pytest

from tests.reports.comparisons import ACCURACY, made_up_results, made_up_rows
from tests.reports.pages.test_training_page import HOSTILE, Page
from tl_keras.reports.figures.comparison_figures import (
    plot_accuracy_by_labels,
    plot_accuracy_by_time,
)
from tl_keras.reports.figures.style import render_png
from tl_keras.reports.page_parts.html import write_page
from tl_keras.reports.pages.comparison_page import comparison_page
from tl_keras.reports.wording.comparison import conditions


def by_method(results, name):
    return {p["labels_per_class"]: p for p in results.summary if p["method"] == name}


@pytest.fixture(scope="module")
def results():
    return made_up_results(made_up_rows(), warnings=("2 files ignored: " + HOSTILE,))


@pytest.fixture(scope="module")
def page(results, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_page(path, comparison_page(results))
    return Page(path.read_text(encoding="utf-8"))


def test_page_has_its_parts_in_order_and_loads_nothing(page):
    wanted = ["verdict", "labels", "differences", "times", "terms", "runs", "settings", "warnings"]
    assert page.ids == wanted
    assert "script" not in page.tags
    assert all(image.startswith("data:image/png") for image in page.images)
    assert len(page.images) == 2


def test_page_says_verdicts_terms_and_every_run(results, page):
    for text in (*results.verdicts, *conditions(results), *results.warnings):
        assert text in page.words
    assert results.verdicts[0].startswith("With 10, 50 and 250 labels per class, ")
    assert page.words.count("21 of 30") == len(results.rows) == 36


def test_tables_have_means_and_differences_with_intervals(results, page):
    point = by_method(results, "frozen")[50]
    assert f"{point['test_accuracy']:.1%} ± {100 * point['interval']:.1f}" in page.words
    assert f"{point['test_macro_f1']:.3f}" == "0.480" and page.words.count("0.480") >= 2
    difference = results.differences["fine-tune", "scratch:cnn"][10]
    assert f"{100 * difference.mean:+.0f} ± {100 * difference.half:.0f}" in page.words


def test_page_says_that_the_intervals_of_one_seed_do_not_hold_the_seeds(page, tmp_path):
    assert "± is a 95% interval over seeds and test images." in page.words
    one_seed = comparison_page(made_up_results(made_up_rows(seeds=1)))
    page = Page(write_page(tmp_path / "report.html", one_seed).read_text(encoding="utf-8"))
    assert "± is a 95% interval over test images alone, because there is one seed." in page.words
    assert "one seed does not show how another training would differ" in page.words


def test_one_method_has_nothing_to_be_compared_with(tmp_path):
    rows = made_up_rows(methods=("frozen",))
    path = write_page(tmp_path / "report.html", comparison_page(made_up_results(rows)))
    assert "There is only one method, so there is no comparison." in path.read_text(
        encoding="utf-8"
    )


def test_accuracy_is_drawn_over_the_logarithm_of_labels_with_intervals(results):
    figure = plot_accuracy_by_labels(results.summary)
    (axes,) = figure.axes
    assert axes.get_xscale() == "log"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["10", "50", "250"]
    assert axes.get_legend_handles_labels()[1] == list(ACCURACY)
    drawn = axes.containers[1]
    means = [by_method(results, "frozen")[budget]["test_accuracy"] for budget in (10, 50, 250)]
    np.testing.assert_allclose(drawn.lines[0].get_ydata(orig=False), means)
    (_, low), (_, high) = drawn.lines[2][0].get_segments()[0]
    assert high - low == pytest.approx(2 * by_method(results, "frozen")[10]["interval"])


def test_time_is_drawn_with_the_labels_at_each_point(results):
    (axes,) = plot_accuracy_by_time(results.summary).axes
    assert [text.get_text() for text in axes.texts] == ["10", "50", "250"] * len(ACCURACY)
    assert axes.get_xscale() == "log"
    seconds = [by_method(results, "scratch:cnn")[budget]["seconds"] for budget in (10, 50, 250)]
    np.testing.assert_allclose(axes.lines[0].get_xdata(), seconds)


def test_figures_of_one_budget_and_one_run_can_be_drawn():
    rows = [row for row in made_up_rows(seeds=1) if row["labels_per_class"] == 10]
    summary = made_up_results(rows).summary
    for plot in (plot_accuracy_by_labels, plot_accuracy_by_time):
        assert render_png(plot(summary)).startswith(b"\x89PNG")


@pytest.mark.parametrize("seconds", [(2.1, 2.2), (7.0, 9.0), (3.0, 400.0)])
def test_axis_of_time_always_has_a_number(seconds):
    summary = [
        {"method": "a", "labels_per_class": budget, "test_accuracy": 0.5, "seconds": taken}
        for budget, taken in zip((5, 50), seconds, strict=True)
    ]
    figure = plot_accuracy_by_time(summary)
    render_png(figure)
    low, high = figure.axes[0].get_xlim()
    assert any(low <= tick <= high for tick in figure.axes[0].get_xticks())
