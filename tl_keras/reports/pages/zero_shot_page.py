"""Page of `zero-shot`: accuracies, confusion among unseen classes, attributes and examples."""

import json

import numpy as np

from tl_keras.checks import listed
from tl_keras.data.images import printable
from tl_keras.reports.figures.prediction_figures import plot_confusion_matrix
from tl_keras.reports.figures.style import render_png
from tl_keras.reports.page_parts.sections import (
    Code,
    Figure,
    Page,
    Result,
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
from tl_keras.reports.pages.results import ZeroShotResults
from tl_keras.reports.wording.numbers import (
    format_duration,
    format_percent,
    inspection_warnings,
)
from tl_keras.reports.wording.zero_shot import (
    encoder_sentences,
    generalized_sentences,
    method_sentence,
    result_words,
)

_SHOWN, _FEW_COLUMNS = 18, 64


def zero_shot_page(results: ZeroShotResults) -> Page:
    """Returns the page of a zero-shot run."""
    metrics, images = results.metrics, results.images
    sections = (
        Section("confusion", "Confusion among unseen classes", _confusion(results)),
        _attributes(metrics),
        Section("examples", "Images of unseen classes", _examples(results)),
        Section("settings", "Settings", [pairs(_settings(results))]),
    )
    return Page(
        title=f"Zero-shot classifier of {printable(results.config.data)}",
        lead=[
            Section("result", "", [
                Result(*result_words(metrics)),
                f"Learned from {metrics['pictures']['train']:,} images of "
                f"{len(metrics['seen_classes'])} other classes.",
                *generalized_sentences(metrics),
                f"{results.source} {method_sentence(metrics)}",
                *encoder_sentences(results.config.backbone),
            ])
        ],
        sections=[section for section in sections if section],
        warnings=(*images.warnings, *inspection_warnings(images.inspection)),
        use=_use(results),
    )  # fmt: skip


def _confusion(results):
    unseen = np.flatnonzero(results.images.unseen)
    names = [results.images.descriptions.class_names[row] for row in unseen]
    rows = results.images.unseen[results.found.labels]
    truth = np.searchsorted(unseen, results.found.labels[rows])
    predicted = results.found.among_unseen[rows][:, unseen].argmax(axis=1)
    counts = np.zeros((len(unseen), len(unseen)), int)
    np.add.at(counts, (truth, predicted), 1)
    drawn = render_png(plot_confusion_matrix(counts, names))
    words = "Only the unseen classes are candidates. No image of them was learned from."
    return [words, Figure(drawn, "Confusion matrix of the unseen classes")]


def _attributes(metrics):
    shares = metrics["attributes"]
    if not shares or len(shares) > _FEW_COLUMNS:
        return None
    rows = [[name, format_percent(share)] for name, share in shares.items()]
    words = "Share of the images of unseen classes for which an attribute is predicted right."
    return Section("attributes", "Attributes", [words, Table(("Attribute", "Right"), rows)])


def _examples(results):
    found, unseen = results.found, results.images.unseen
    rows = np.flatnonzero(unseen[found.labels])
    right = found.among_unseen[rows].argmax(axis=1) == found.labels[rows]
    confidence = found.among_unseen[rows].max(axis=1)
    wrong = rows[~right][np.argsort(-confidence[~right], kind="stable")][: _SHOWN // 2]
    others = np.random.default_rng(0).permutation(rows[right])[: _SHOWN - len(wrong)]
    texts = [
        f"{(~right).sum():,} of {len(rows):,} are wrong among the unseen classes; those of the "
        "highest probability come first. Then some that are right, drawn at random."
    ]
    return [*texts, Tiles([_tile(results, row) for row in (*wrong, *others)])]


def _tile(results, row):
    images, found = results.images, results.found
    names, label = images.descriptions.class_names, found.labels[row]
    best = int(found.among_unseen[row].argmax())
    lines = [
        bold(f"{names[best]} {format_percent(found.among_unseen[row, best], 0)}"),
        "right" if best == label else f"it is {names[label]}",
        f"among all: {names[found.among_all[row].argmax()]}",
        *_attribute_lines(results, row),
    ]
    return Tile([images.test.load(row)], [printable(images.test.ids[row])], lines)


def _attribute_lines(results, row):
    """Names the predicted attributes of an image, if they have names and two values."""
    shares, columns = results.metrics["attributes"], results.images.descriptions.columns
    if len(shares) < len(columns) or len(columns) > _FEW_COLUMNS:
        return []
    values = results.images.descriptions.values
    levels = (values.min(axis=0) + values.max(axis=0)) / 2
    has = np.flatnonzero(results.found.attributes[row] > levels)
    return [f"attributes: {listed([columns[column] for column in has], most=8) or 'none'}"]


def _settings(results):
    chosen = results.metrics["chosen"]
    return (
        ("Time", format_duration(results.metrics["seconds"]["total"])),
        ("Features per image", str(results.metrics["features"])),
        ("Strength, unseen classes alone", json.dumps(chosen["between"]["strength"])),
        ("Strength, all classes", json.dumps(chosen["among_all"]["strength"])),
        ("Calibration of seen classes", f"{chosen['among_all']['calibration']:.4g}"),
        *given_options(results.config.to_json()),
    )


def _use(results):
    commands = [
        "tl-keras predict RUN images/ --out predictions.csv",
        "tl-keras export RUN --format onnx",
    ]
    parts = command_parts("The command that made this page:", typed_command("zero-shot"))
    among = "all classes" if results.config.classes == "all" else "the unseen classes"
    words = f"RUN is the folder of this page. Its model chooses among {among}."
    files = files_parts("model.keras", "classes.json", "attributes.csv", "predictions.csv")
    return Section("use", "Use", [words, Code("\n".join(commands)), *parts, *files])
