"""Section of a training run's page on the answers with a promised error."""

import numpy as np
from markupsafe import Markup

from tl_keras.data.dataset import ImageDataset
from tl_keras.evaluation.classifiers.answers import Answers
from tl_keras.reports.figures.answer_figures import plot_answers
from tl_keras.reports.figures.style import render_png
from tl_keras.reports.page_parts.sections import Figure, Note, Section, Soft, Tile, Tiles
from tl_keras.reports.wording.answers import promise_sentence, realised_sentence

_TILES = 6  # of each reason


def answer_section(figures: dict, answers: Answers, images: ImageDataset) -> Section:
    """Returns the promise, its test, and some images that are left to a person.

    Args:
        figures: "answers" of metrics.json.
        answers: of the test images.
        images: the test images.
    """
    promise = promise_sentence(figures)
    kind = [promise] if figures["val"]["answered"] else [Note([promise], "warning")]
    figure = Figure(
        render_png(plot_answers(answers, figures["max_error"])),
        "Error among the answers by the share that is answered",
        "The most certain images are answered first. To the right of the line images are left to a "
        "person. The model decides by its validation images, so the curve may cross the promise "
        "elsewhere.",
        name="answers",
    )
    texts = [*kind, realised_sentence(figures["test"], figures["max_error"])]
    return Section("answers", "Answers, and what is left to a person", [
        *texts, figure, *_left(answers, images),
    ])  # fmt: skip


def _left(answers, images):
    """The most novel images, and the most certain of those that are not answered."""
    unsure = ~answers.answered & ~answers.novel
    groups = (
        ("Novel: they resemble no training image.", answers.novel, answers.novelty),
        ("Unsure: the most certain ones of these.", unsure, answers.certainty),
    )
    parts = []
    for words, chosen, order in groups:
        rows = np.flatnonzero(chosen)
        rows = rows[np.argsort(-order[rows], kind="stable")][:_TILES]
        if len(rows):
            parts += [Soft(words), Tiles([_tile(answers, images, row) for row in rows])]
    return parts


def _tile(answers, images, row):
    best = answers.probabilities[row].argmax()
    lines = (
        Markup("likeliest <b><bdi>{}</bdi></b>, confidence {:.1%}").format(
            images.class_names[best], float(answers.probabilities[row, best])
        ),
        Markup("true class <b><bdi>{}</bdi></b>").format(images.class_names[images.labels[row]]),
    )
    sound = images.images[row].wave() if images.sounds else None
    return Tile([images.load(row)], [images.ids[row]], lines, sound)
