"""Page of a comparison: verdict, figures and conditions."""

import json

from tl_keras.reports.figures.comparison_figures import (
    plot_accuracy_by_labels,
    plot_accuracy_by_time,
)
from tl_keras.reports.figures.style import render_png
from tl_keras.reports.page_parts.sections import (
    Bullets,
    Figure,
    Note,
    Page,
    Section,
    Soft,
    Table,
    command_parts,
    files_parts,
    pairs,
    typed_command,
)
from tl_keras.reports.pages.results import ComparisonResults
from tl_keras.reports.wording.comparison import conditions, format_points
from tl_keras.reports.wording.numbers import digits_to_show, format_duration, format_percent

_FILES = ("results.csv", "correct.npz", "summary.csv", "splits.csv.gz")
_RUN_COLUMNS = (
    "Method",
    "Labels per class",
    "Seed",
    "Test",
    "Macro F1",
    "Val",
    "Best epoch",
    "Learning rate",
    "Time",
)


def comparison_page(results: ComparisonResults) -> Page:
    """Returns the page of a comparison."""
    over = _interval_over(results.summary)
    by_time = Figure(
        render_png(plot_accuracy_by_time(results.summary)),
        "Test accuracy by seconds of training",
        "The number at a point is its labels per class.",
        wide=True,
        name="accuracy_by_time",
    )
    sections = (
        _labels(results.summary, over),
        _differences(results),
        Section("times", "Accuracy by training time", [by_time]),
        Section("terms", "Conditions of the comparison", [Bullets(conditions(results))]),
        _runs(results.rows),
        _settings(results.config),
    )
    return Page(
        title=f"Compared on {results.config.data}",
        lead=[Section("verdict", "", _verdict(results.verdicts, over))],
        sections=[section for section in sections if section],
        warnings=results.warnings,
    )


def _interval_over(summary):
    """Returns the sources of variation in the intervals, as text."""
    if any(point["runs"] > 1 for point in summary):
        return "over seeds and test images"
    return "over test images alone, because there is one seed"


def _verdict(verdicts, over):
    if not verdicts:
        return ["There is only one method, so there is no comparison."]
    first, *others = verdicts
    words = (
        f"± is a 95% interval {over}. “No significant difference” does not mean that there is\n"
        "none. With more seeds and test images, a smaller difference becomes visible."
    )
    return [Note([first], "loud"), *([Bullets(others)] if others else []), Soft(words)]


def _labels(summary, over):
    figure = Figure(
        render_png(plot_accuracy_by_labels(summary)),
        "Test accuracy of each method by labels per class",
        f"Means over seeds; a bar is the 95% interval of one method's mean, {over}. Methods are "
        "compared on the same labelled images, so a difference can be significant although the "
        "bars overlap, see the verdict.",
        wide=True,
        name="accuracy_by_labels",
    )
    by_method = {}
    for point in summary:
        by_method.setdefault((point["method"],), {})[point["labels_per_class"]] = point
    words = "Macro F1 on the test images, mean over seeds. All classes have equal weight."
    return Section(
        "labels",
        "Accuracy by number of labels",
        [
            figure,
            _by_budget(("Method",), by_method, _accuracy),
            Soft(words),
            _by_budget(("Method",), by_method, _macro_f1),
        ],
    )


def _by_budget(names, rows, cell):
    """Returns a table with a column for each number of labels.

    Args:
        names: headings of the first columns.
        rows: {texts of the first columns: {labels_per_class: value}}.
        cell: function of a value that returns its text.
    """
    budgets = sorted({budget for values in rows.values() for budget in values})
    return Table(
        (*names, *(f"{budget} labels per class" for budget in budgets)),
        [
            (*first, *(cell(values[budget]) if budget in values else "" for budget in budgets))
            for first, values in rows.items()
        ],
        ("name",) * len(names),
    )


def _accuracy(point):
    accuracy, half = point["test_accuracy"], point["interval"]
    digits = digits_to_show(accuracy, half)
    return f"{format_percent(accuracy, digits)} ± {100 * half:.{digits}f}"


def _macro_f1(point):
    value = point["test_macro_f1"]
    return "not kept" if value is None else f"{value:.3f}"


def _differences(results):
    if not results.differences:
        return None
    words = (
        "Paired differences: runs use the same labelled images and the same test images. ± is the "
        "95% interval of the mean difference."
    )
    table = _by_budget(
        ("Method", "against"), results.differences, lambda d: format_points(d, sign=True)
    )
    return Section("differences", "Differences in percentage points", [Soft(words), table])


def _runs(rows):
    cells = [
        (
            row["method"],
            row["labels_per_class"],
            row["seed"],
            format_percent(row["test_accuracy"]),
            f"{row['test_macro_f1']:.3f}",
            format_percent(row["val_accuracy"]),
            f"{row['best_epoch']} of {row['epochs']}",
            f"{row['lr']:g}",
            format_duration(row["seconds"]),
        )
        for row in rows
    ]
    return Section("runs", "All runs", [Table(_RUN_COLUMNS, cells, tall=True)])


def _settings(config):
    rows = [(name, json.dumps(value)) for name, value in config.to_json().items()]
    words = "Command. Run it again to continue an interrupted comparison:"
    command = command_parts(words, typed_command("compare"))
    return Section("settings", "Settings", [pairs(rows), *command, *files_parts(*_FILES)])
