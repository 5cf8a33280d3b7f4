"""Page of a training run."""

import shlex

import numpy as np

from tl_keras.checks import InputError
from tl_keras.evaluation.classifiers.grad_cam import GradCAM
from tl_keras.files import read_json
from tl_keras.reports.page_parts.html import write_page
from tl_keras.reports.pages.results import TrainingResults
from tl_keras.reports.pages.training_page import rows_shown, training_page


def write_report(path, outcome):
    """Writes figures/*.png and report.html into the run folder `path`."""
    start = outcome.start
    heatmaps, no_heatmaps = _heatmaps(start.model, start.splits.test, outcome.probabilities)
    results = TrainingResults(
        config=outcome.config,
        splits=start.splits,
        image_size=start.model.input_shape[1:3],
        history=outcome.history,
        probabilities=outcome.probabilities,
        metrics=outcome.metrics,
        test=outcome.test,
        val=outcome.val,
        answers=outcome.answers,
        command=shlex.join(["tl-keras", *read_json(path / "environment.json")["command"][1:]]),
        heatmaps=heatmaps,
        no_heatmaps=no_heatmaps,
    )
    write_page(path / "report.html", training_page(results))


def _heatmaps(model, images, probabilities):
    """Returns ({row: heatmap} of the images on the page, or why there are none)."""
    rows = np.concatenate(rows_shown(probabilities, images.labels))
    try:
        explain = GradCAM(model)
    except InputError as error:  # a network without feature maps
        return {}, f"There are no heatmaps. {error}"
    heat = explain(images.subset(rows), probabilities[rows].argmax(axis=1))
    return dict(zip(rows.tolist(), heat, strict=True)), ""
