"""Page of `enough`: learning curve so far, its continuation, and classes that need labels."""

import numpy as np

from tl_keras.data.images import printable
from tl_keras.reports.figures.style import render_png
from tl_keras.reports.figures.training_figures import plot_forecast
from tl_keras.reports.page_parts.sections import (
    Figure,
    Page,
    Result,
    Section,
    Soft,
    Table,
    bold,
    command_parts,
    files_parts,
    given_options,
    pairs,
    typed_command,
)
from tl_keras.reports.pages.results import EnoughResults
from tl_keras.reports.wording.enough import forecast_sentence, need_sentence
from tl_keras.reports.wording.numbers import format_duration, format_percent, inspection_warnings

_CHOSEN = (
    "The labelled images were chosen by `tl-keras label`, which asks for hard ones. Accuracy on "
    "them lies below that on new images. The forecast allows for it; its interval is wider."
)
_RANDOM = (
    "The forecast takes the labelled images for drawn at random from those that will be classified."
)


def enough_page(results: EnoughResults) -> Page:
    """Returns the page of `enough`."""
    then = results.forecasts[results.wanted]
    return Page(
        title=f"Labels of {printable(results.config.data)}",
        lead=[
            Section(
                "result",
                "",
                [
                    Result(
                        format_percent(then.expected, 0),
                        bold(f"expected accuracy with {then.labels:,} labels"),
                    ),
                    forecast_sentence(results),
                    need_sentence(results),
                ],
            )
        ],
        sections=[
            Section("forecast", "Learning curve", _curve(results)),
            Section("classes", "Classes", _classes(results)),
            Section("settings", "Settings", [pairs(_settings(results))]),
        ],
        warnings=inspection_warnings(results.inspection),
        use=Section(
            "use",
            "Files",
            [
                *command_parts("The command that made this page:", typed_command("enough")),
                *files_parts(),
            ],
        ),
    )


def _curve(results):
    drawing = render_png(plot_forecast(results.curve, results.forecasts))
    return [
        Figure(drawing, "Accuracy by number of labels, measured and forecast", wide=True),
        Soft(
            "Accuracy of the linear classifier on frozen features, which `tl-keras train --preset "
            "fast` gives. Fine-tuning may add to it. The interval held 80% of the accuracies that "
            "came on tasks that the forecast was not fitted on."
        ),
        Soft(_CHOSEN if results.kind == "chosen" else _RANDOM),
    ]


def _classes(results):
    curve, order = results.curve, np.argsort(-results.needs, kind="stable")
    labels = results.labels
    rows = []
    for k in order:
        own = curve.right[labels == k]
        found = format_percent(own.mean(), 0) if len(own) else ""
        rows.append((results.class_names[k], f"{len(own):,}", found, _share(results.needs[k])))
    return [Table(("Class", "Labels", "Named rightly when held out", "Share of the errors"), rows)]


def _share(value):
    return format_percent(value, 0)


def _settings(results):
    return (
        ("Time", format_duration(results.seconds)),
        *given_options(results.config.to_json()),
    )
