"""Page of a comparison: verdict, figures and conditions."""

import dataclasses
from pathlib import Path
from typing import Any

from tl_keras.checks import InputError
from tl_keras.reports.figures.comparison_figures import (
    plot_accuracy_by_labels,
    plot_accuracy_by_time,
)
from tl_keras.reports.pages.comparison_wording import format_points
from tl_keras.reports.pages.html import write_figures, write_page
from tl_keras.reports.pages.wording import digits_to_show, format_percent


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class ComparisonReport:
    """Content of the page of a comparison.

    Args:
        title: e.g. "Compared on flowers".
        rows: dicts of "method", "labels_per_class", "seed", "test_accuracy", "test_macro_f1",
            "val_accuracy", "epochs", "best_epoch", "lr" and "seconds", one per run.
        summary: result of `evaluation.statistics.comparison.summarise`.
        differences: {(method, other): {labels_per_class: `MeanInterval`}}.
        verdicts: texts, the most important first.
        terms: sentences on the conditions of the comparison.
        settings: (label, value) pairs.
        warnings: sentences.
        files: names of the files beside the page.
        command: the command line that was run.
    """

    title: str
    rows: list[dict[str, Any]]
    summary: list[dict[str, Any]]
    differences: dict
    verdicts: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    command: str = ""

    def __post_init__(self):
        if not self.rows:
            raise InputError("Expected at least one run to report on; received none.")

    @property
    def budgets(self):
        return sorted({point["labels_per_class"] for point in self.summary})

    @property
    def interval_over(self):
        """Returns the sources of variation in the intervals, as text."""
        if any(point["runs"] > 1 for point in self.summary):
            return "over seeds and test images"
        return "over test images alone, because there is one seed"

    @property
    def by_method(self):
        """Returns {method: {labels_per_class: its summary}}."""
        table = {}
        for point in self.summary:
            table.setdefault(point["method"], {})[point["labels_per_class"]] = point
        return table

    @property
    def accuracies(self):
        """Returns {method: {labels_per_class: text such as "85.4% ± 2.3"}}."""
        return {
            method: {budget: _accuracy(point) for budget, point in points.items()}
            for method, points in self.by_method.items()
        }

    @property
    def macro_f1(self):
        """Returns {method: {labels_per_class: text such as "0.854"}}, means over seeds."""
        return {
            method: {budget: _macro_f1(point) for budget, point in points.items()}
            for method, points in self.by_method.items()
        }

    @property
    def points(self):
        """Returns {(method, other): {labels_per_class: text such as "+21 ± 3"}}."""
        return {
            pair: {budget: format_points(d, sign=True) for budget, d in found.items()}
            for pair, found in self.differences.items()
        }


def _macro_f1(point):
    value = point["test_macro_f1"]
    return "not kept" if value is None else f"{value:.3f}"


def _accuracy(point):
    accuracy, half = point["test_accuracy"], point["interval"]
    digits = digits_to_show(accuracy, half)
    return f"{format_percent(accuracy, digits)} ± {100 * half:.{digits}f}"


def write_comparison_page(path, report):
    """Writes the page as one self-contained file, and its figures into `figures/` beside it.

    Args:
        path: HTML file, written completely or not at all.
        report: ComparisonReport.

    Returns:
        Path of the written file.

    Raises:
        InputError: a file cannot be written.
    """
    path = Path(path)
    figures = {
        "accuracy_by_labels": plot_accuracy_by_labels(report.summary),
        "accuracy_by_time": plot_accuracy_by_time(report.summary),
    }
    rendered = write_figures(path.parent / "figures", figures)
    write_page(path, "comparison.html.j2", report=report, figures=rendered)
    return path
