"""Page of a training run."""

import shlex

from tl_keras.files import read_json
from tl_keras.reports.page_parts.html import write_page
from tl_keras.reports.pages.results import TrainingResults
from tl_keras.reports.pages.training_page import training_page


def write_report(path, outcome):
    """Writes figures/*.png and report.html into the run folder `path`."""
    start = outcome.start
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
    )
    write_page(path / "report.html", training_page(results))
