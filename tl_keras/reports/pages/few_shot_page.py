"""Page of `few-shot`: accuracy, support, least certain queries, and those that were wrong."""

import numpy as np

from tl_keras.data.images import printable
from tl_keras.reports.page_parts.sections import (
    Code,
    Page,
    Result,
    Samples,
    Section,
    Table,
    Tile,
    Tiles,
    bold,
    command_parts,
    files_parts,
    given_options,
    pairs,
    typed_command,
)
from tl_keras.reports.pages.results import FewShotResults
from tl_keras.reports.wording.few_shot import (
    held_out_sentence,
    method_sentence,
    query_sentences,
    result_words,
    time_sentence,
)
from tl_keras.reports.wording.numbers import format_percent, inspection_warnings

_SHOWN, _SUPPORT, _NAMED = 18, 6, 50


def few_shot_page(results: FewShotResults) -> Page:
    """Returns the page of a few-shot run."""
    metrics, config = results.metrics, results.config
    sections = (
        Section("support", "Support", _support(results)),
        _uncertain(results.queries, results.support.class_names),
        _wrong(results.queries, results.support.class_names),
        _unreadable(results.queries),
        Section("settings", "Settings", [pairs(given_options(results.config.to_json()))]),
    )
    return Page(
        title=f"Few-shot classifier of {printable(config.support)}",
        lead=[
            Section("result", "", [
                Result(*result_words(metrics)),
                *query_sentences(metrics, results.queries.other_folders),
                held_out_sentence(metrics),
                f"{results.source} {method_sentence(metrics)}",
                time_sentence(metrics["seconds"]),
            ])
        ],
        sections=[section for section in sections if section],
        warnings=inspection_warnings(results.inspection),
        use=_use(),
    )  # fmt: skip


def _support(results):
    support = results.support
    rows = [[name, f"{count:,}"] for name, count in support.class_counts().items()]
    chosen = [
        np.flatnonzero(support.labels == label)[:_SUPPORT] for label in range(support.num_classes)
    ]
    images = {
        name: [support.load(row) for row in rows_of]
        for name, rows_of in zip(support.class_names, chosen, strict=True)
    }
    return [
        f"{len(support):,} labelled images. At most {_SUPPORT} of each class are shown.",
        Samples(images),
        Table(("Class", "Images"), rows, tall=True),
    ]


def _uncertain(queries, names):
    certain = queries.probabilities.max(axis=1, initial=0)
    rows = np.flatnonzero(queries.readable)
    rows = rows[np.argsort(certain[rows], kind="stable")][:_SHOWN]
    if not len(rows):
        return None
    words = "The query images whose most probable class has the lowest probability."
    tiles = [_tile(queries, row, names) for row in rows]
    return Section("uncertain", "Least certain queries", [words, Tiles(tiles)])


def _wrong(queries, names):
    measured = np.flatnonzero(queries.measured)
    predicted = queries.probabilities[measured].argmax(axis=1) if len(measured) else measured
    wrong = measured[predicted != queries.labels[measured]]
    if not len(wrong):
        return None
    confident = wrong[np.argsort(-queries.probabilities[wrong].max(axis=1), kind="stable")][:_SHOWN]
    words = f"{len(wrong):,} of {len(measured):,}; those with the highest probability come first."
    tiles = [_tile(queries, row, names) for row in confident]
    return Section("wrong", "Wrong predictions", [words, Tiles(tiles)])


def _tile(queries, row, names):
    values, label = queries.probabilities[row], queries.labels[row]
    best, second = np.argsort(-values, kind="stable")[:2]
    lines = [
        bold(f"{names[best]} {format_percent(values[best], 0)}"),
        f"then {names[second]} {format_percent(values[second], 0)}",
    ]
    if label >= 0:
        lines.append(f"in folder {names[label]}")
    return Tile([queries.load(row)], [printable(queries.paths[row])], lines)


def _unreadable(queries):
    rows = [
        [printable(path), error]
        for path, error in zip(queries.paths, queries.errors, strict=True)
        if error
    ]
    if not rows:
        return None
    table = Table(("File", "Reason"), rows[:_NAMED], ("name", "name"), tall=True)
    words = f"{len(rows):,} query files could not be read. The table of predictions names each."
    return Section("unreadable", "Unreadable queries", [words, table])


def _use():
    commands = [
        "tl-keras predict RUN images/ --out predictions.csv",
        "tl-keras evaluate RUN --data labelled/",
        "tl-keras export RUN --format onnx",
    ]
    parts = command_parts("The command that made this page:", typed_command("few-shot"))
    words = "RUN is the folder of this page."
    return Section(
        "use",
        "Use",
        [words, Code("\n".join(commands)), *parts, *files_parts("model.keras", "classes.json")],
    )
