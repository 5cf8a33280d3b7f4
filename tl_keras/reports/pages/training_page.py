"""Page of a training run: accuracy, evidence and usage."""

import dataclasses
from pathlib import Path
from typing import Any

from tl_keras.checks import InputError
from tl_keras.reports.figures.pseudo_label_figures import has_pseudo_labels, plot_pseudo_labels
from tl_keras.reports.figures.training_figures import (
    plot_comparison,
    plot_confusion_matrix,
    plot_learning_curves,
    plot_reliability,
)
from tl_keras.reports.pages.html import write_figures, write_page
from tl_keras.reports.pages.wording import (
    accuracy_summary,
    calibration_sentence,
    reliability_sentence,
    top_confusions,
)


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class TrainingReport:
    """Content of the page of a training run.

    Args:
        title: e.g. "vgg16 on flowers".
        weights_note: one plain sentence on the weights that training started from.
        test_metrics: result of `evaluate_predictions`, or None without a test split. The page then
            shows validation, or else training, and says so.
        summary: (label, value) pairs in order: backbone, head, data, split sizes, seed, versions.
        val_metrics: like `test_metrics`.
        train_metrics: like `test_metrics`.
        history: dict of lists by epoch, see `plot_learning_curves`.
        phases: dicts of "name", "start" and "end", epochs from 0, end exclusive.
        samples: dict of class name and a list of uint8 images (h, w, 3), 0-255.
        mistakes: dicts of "path", "true", "predicted", "probability" (0-1) and "image"
            (uint8 (h, w, 3)), the most confident first.
        comparison: dicts of "name", "accuracy", "interval" ((low, high), 0-1) and "note".
        verdict: a sentence on the difference between the methods of `comparison`.
        calibration: result of `jobs.train.calibrating.calibration_figures`, or None.
        warnings: sentences.
        seconds: dict of step and its duration.
        files: names of the files beside the page.
        command: command line of this run.
        image_size: (height, width) of the model's input in pixels, or None.
        predict_command: command line that uses the model.
    """

    title: str
    weights_note: str
    test_metrics: dict[str, Any] | None
    summary: tuple[tuple[str, Any], ...] = ()
    val_metrics: dict[str, Any] | None = None
    train_metrics: dict[str, Any] | None = None
    history: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    phases: tuple[dict[str, Any], ...] = ()
    samples: dict[str, list] = dataclasses.field(default_factory=dict)
    mistakes: tuple[dict[str, Any], ...] = ()
    comparison: tuple[dict[str, Any], ...] | None = None
    verdict: str = ""
    calibration: dict[str, Any] | None = None
    warnings: tuple[str, ...] = ()
    seconds: dict[str, float] = dataclasses.field(default_factory=dict)
    files: tuple[str, ...] = ()
    command: str = ""
    image_size: tuple[int, int] | None = None
    predict_command: str = "tl-keras predict . my-image.jpg"

    def __post_init__(self):
        if not self.splits:
            raise InputError(
                "Expected test_metrics, val_metrics or train_metrics of evaluate_predictions; "
                "received none of them."
            )

    @property
    def splits(self):
        """Returns available metrics as dict by split name, the most important first."""
        metrics = {
            "test": self.test_metrics,
            "validation": self.val_metrics,
            "training": self.train_metrics,
        }
        return {name: values for name, values in metrics.items() if values}


def training_figures(report):
    """Returns the figures of a training run.

    Args:
        report: TrainingReport.

    Returns:
        dict of name and matplotlib Figure, as far as there are data: "learning_curves",
        "confusion_matrix", "reliability", "pseudo_labels" and "comparison".
    """
    metrics = next(iter(report.splits.values()))
    names = [row["class"] for row in metrics["per_class"]]
    figures = {
        "confusion_matrix": plot_confusion_matrix(metrics["confusion_matrix"], names),
        "reliability": plot_reliability(
            metrics["reliability"], metrics["expected_calibration_error"]
        ),
    }
    if report.history.get("loss"):
        figures["learning_curves"] = plot_learning_curves(report.history, report.phases)
    if has_pseudo_labels(report.history):
        figures["pseudo_labels"] = plot_pseudo_labels(report.history)
    if report.comparison:
        figures["comparison"] = plot_comparison(report.comparison)
    return figures


def write_training_report(path, report, figures=None):
    """Writes the page of a training run, and its figures as PNG files in `figures/` beside it.

    The page is one self-contained file: it contains its images, loads nothing and runs nothing.

    Args:
        path: HTML file, written completely or not at all.
        report: TrainingReport.
        figures: dict of name and PNG bytes, from `write_figures`, to show instead of drawing and
            saving those of `training_figures`. The names are the same.

    Returns:
        Path of the written file.

    Raises:
        InputError: a file cannot be written, or parts of the report do not fit each other.
    """
    path = Path(path)
    split, metrics = next(iter(report.splits.items()))
    if figures is None:
        figures = write_figures(path.parent / "figures", training_figures(report))
    write_page(
        path,
        "training.html.j2",
        report=report,
        split=split,
        metrics=metrics,
        summary=accuracy_summary(metrics),
        reliability_sentence=reliability_sentence(metrics),
        calibration_sentence=report.calibration and calibration_sentence(report.calibration),
        confusions=top_confusions(metrics),
        figures=figures,
    )
    return path
