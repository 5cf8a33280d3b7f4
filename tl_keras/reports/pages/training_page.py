"""Page of a training run: accuracy, evidence and usage."""

import numpy as np
from markupsafe import Markup

from tl_keras.evaluation.classifiers.classification import first_correct, most_confident_mistakes
from tl_keras.reports.figures.heatmap_overlay import draw_overlay
from tl_keras.reports.figures.pseudo_label_figures import has_pseudo_labels, plot_pseudo_labels
from tl_keras.reports.figures.style import render_png
from tl_keras.reports.figures.training_figures import (
    plot_comparison,
    plot_confusion_matrix,
    plot_learning_curves,
    plot_reliability,
)
from tl_keras.reports.page_parts.answer_section import answer_section
from tl_keras.reports.page_parts.sections import (
    Bullets,
    Figure,
    Note,
    Page,
    Result,
    Samples,
    Section,
    Soft,
    Table,
    Tile,
    Tiles,
    command_parts,
    pairs,
)
from tl_keras.reports.page_parts.use_section import use_section
from tl_keras.reports.pages.results import TrainingResults
from tl_keras.reports.wording.numbers import (
    accuracy_texts,
    calibration_sentence,
    format_duration,
    format_percent,
    inspection_warnings,
    reliability_sentence,
    top_confusions,
)
from tl_keras.reports.wording.training import (
    averaged,
    compared_methods,
    copies_in_test,
    linear_verdict,
    scratch_verdict,
    settings_rows,
)

_SAMPLES_PER_CLASS = 6
_MISTAKES = 12
_OVERLAY = 112  # pixels, of its longer side
_MANY_CLASSES = 20  # from which on their table scrolls


def training_page(results: TrainingResults) -> Page:
    """Returns the page of a training run."""
    note = Note([results.metrics["weights"]["note"]], "loud")
    sections = (
        _splits(results),
        _comparison(results),
        _answers(results),
        Section("samples", "Sample images", [Samples(_samples(results.splits.train))]),
        _curves(results),
        _pseudo_labels(results),
        _confusions(results.test),
        _classes(results.test["per_class"]),
        _calibration(results),
        _mistakes(results),
        _correct(results),
        _times(results.metrics["seconds"]),
        Section("settings", "Settings", [
            pairs(settings_rows(results)), *command_parts("Command:", results.command),
        ]),
    )  # fmt: skip
    return Page(
        title=f"{results.config.backbone} on {results.config.data}",
        lead=[_result(results), Section("weights", "", [note])],
        sections=[section for section in sections if section],
        warnings=inspection_warnings(results.splits.inspection),
        use=use_section(results),
    )


def _result(results):
    number, words, text = accuracy_texts(results.test, copies_in_test(results.splits))
    verdicts = filter(None, (scratch_verdict(results.metrics), linear_verdict(results.metrics)))
    strong = [Markup("<strong>{}</strong>").format(text) for text in verdicts]
    return Section("result", "", [Result(number, words), text, *strong])


def _splits(results):
    columns = ("Split", "Images", "Accuracy", "Loss (nats)", "Macro F1")
    rows = [
        (
            name,
            figures["num_examples"],
            format_percent(figures["accuracy"]),
            f"{figures['loss']:.3f}",
            f"{figures['macro_f1']:.3f}",
        )
        for name, figures in (("test", results.test), ("validation", results.val))
        if figures
    ]
    return Section("splits", "", [Table(columns, rows)])


def _comparison(results):
    methods = compared_methods(results.metrics)
    if len(methods) == 1:
        return None
    rows = [
        (
            method["name"],
            format_percent(method["accuracy"]),
            " – ".join(format_percent(end) for end in method["interval"]),
            method["note"],
        )
        for method in methods
    ]
    columns = ("Method", "Accuracy", "95% interval", "Note")
    figure = Figure(
        render_png(plot_comparison(methods)),
        "Accuracy of each method with its interval",
        "If the intervals of two methods overlap widely, these images do not show which is better.",
        name="comparison",
    )
    table = Table(columns, rows, ("name", "number", "number", "name"))
    return Section("comparison", "Comparison with other methods", [table, figure])


def _answers(results):
    if results.answers is None:
        return None
    return answer_section(results.metrics["answers"], results.answers, results.splits.test)


def _samples(dataset):
    return {
        name: [
            dataset.load(row)
            for row in np.flatnonzero(dataset.labels == label)[:_SAMPLES_PER_CLASS]
        ]
        for label, name in enumerate(dataset.class_names)
    }


def _curves(results):
    history = results.history
    if not history.history.get("loss"):
        return None
    figure = Figure(
        render_png(plot_learning_curves(history.history, history.phases)),
        "Loss and accuracy by epoch",
        "If the training curve improves while validation gets worse, the model overfits.",
        wide=True,
        name="learning_curves",
    )
    return Section("curves", "Learning curves", [figure])


def _pseudo_labels(results):
    if not has_pseudo_labels(results.history.history):
        return None
    figure = Figure(
        render_png(plot_pseudo_labels(results.history.history)),
        "Share of unlabelled images used for training, by epoch",
        "An unlabelled image is used if the confidence in its weakly augmented view is above the "
        "threshold. A share that stays low means that unlabelled images had little effect. A share "
        "near 100% from the start may mean that the model is overconfident.",
        name="pseudo_labels",
    )
    return Section("pseudo-labels", "Pseudo-labels", [figure])


def _confusions(test):
    names = [row["class"] for row in test["per_class"]]
    figure = Figure(
        render_png(plot_confusion_matrix(test["confusion_matrix"], names)),
        "Confusion matrix",
        "Each row is a true class; correct predictions are on the diagonal.",
        wide=True,
        name="confusion_matrix",
    )
    words = Markup("<bdi>{true}</bdi> predicted as <bdi>{predicted}</bdi>: {count} of {support}")
    most = [words.format(**pair) for pair in top_confusions(test)]
    listed = ["Most frequent confusions:", Bullets(most)] if most else []
    return Section("confusion", "Confusions", [figure, *listed])


def _classes(per_class):
    words = (
        "Precision is the share of correct predictions among all predictions of the class. Recall "
        "is the share of images of the class that are predicted correctly."
    )
    rows = [
        (
            number,
            row["class"],
            format_percent(row["precision"]),
            format_percent(row["recall"]),
            f"{row['f1']:.3f}",
            row["support"],
        )
        for number, row in enumerate(per_class, 1)
    ]
    columns = ("No.", "Class", "Precision", "Recall", "F1", "Images")
    table = Table(columns, rows, ("number", "name"), tall=len(rows) > _MANY_CLASSES)
    return Section("classes", "Each class", [Soft(words), table])


def _calibration(results):
    test, texts = results.test, [reliability_sentence(results.test)]
    if "calibration" in results.metrics:
        texts.append(calibration_sentence(results.metrics))
    figure = Figure(
        render_png(plot_reliability(test["reliability"], test["expected_calibration_error"])),
        "Accuracy by confidence",
        "Below the dashed line the model is overconfident.",
        name="reliability",
    )
    return Section("reliability", "Calibration", [*texts, figure])


def rows_shown(probabilities: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the test rows that the page shows: the most confident mistakes, and right answers."""
    mistakes = most_confident_mistakes(probabilities, labels, limit=_MISTAKES)
    return mistakes, first_correct(probabilities, labels, limit=_MISTAKES)


def _mistakes(results):
    rows, _ = rows_shown(results.probabilities, results.splits.test.labels)
    parts = ["None are recorded."]
    if len(rows):
        words = Soft("Check these images: some labels may be wrong.")
        parts = [words, *_heatmap_words(results), _tiles(results, rows)]
    return Section("mistakes", "Most confident mistakes", parts)


def _correct(results):
    """Returns a section with an image of each of the first classes, to compare mistakes with."""
    _, rows = rows_shown(results.probabilities, results.splits.test.labels)
    if not len(rows) or not (results.heatmaps or results.splits.test.sounds):
        return None
    return Section("correct", "Correct predictions", [_tiles(results, rows)])


def _heatmap_words(results):
    if not results.heatmaps:
        return [Soft(results.no_heatmaps)] if results.no_heatmaps else []
    one = "Of the averaged networks they explain the fine-tuned one that counts most. "
    return [
        Soft(
            "Red marks the parts of an image that speak most for the predicted class (Grad-CAM). "
            f"{one if averaged(results.metrics) else ''}"
            "Red on the background means that the network has learned the background."
        )
    ]


def _tiles(results, rows):
    return Tiles([_predicted(results, row) for row in rows], pairs=bool(results.heatmaps))


def _predicted(results, row):
    dataset, probabilities = results.splits.test, results.probabilities[row]
    true, predicted = dataset.labels[row], probabilities.argmax()
    lines = (
        Markup("<b><bdi>{}</bdi></b>, confidence {}").format(
            dataset.class_names[predicted], format_percent(float(probabilities[predicted]))
        ),
        Markup("true class <b><bdi>{}</bdi></b>").format(dataset.class_names[true]),
    )
    image, heat = dataset.load(row), results.heatmaps.get(int(row))
    images = [image] if heat is None else [image, draw_overlay(image, heat, size=_OVERLAY)]
    sound = dataset.images[row].wave() if dataset.sounds else None
    return Tile(images, [dataset.ids[row]], lines, sound)


def _times(seconds):
    rows = [(step.replace("_", " "), format_duration(taken)) for step, taken in seconds.items()]
    return Section("times", "Time", [Table((), rows)])
