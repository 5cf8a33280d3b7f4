"""The page and figures of a training run."""

import json
import shlex

import numpy as np

from tl_keras.evaluation.classifiers.classification import (
    accuracy_interval,
    most_confident_mistakes,
)
from tl_keras.files import read_json
from tl_keras.jobs.train.source import source_line
from tl_keras.reports.pages.thumbnails import thumbnail
from tl_keras.reports.pages.training_page import TrainingReport, write_training_report
from tl_keras.reports.pages.wording import difference_sentence, format_duration

SAMPLES_PER_CLASS = 6
FILES = (
    "model.keras",
    "classes.json",
    "config.json",
    "environment.json",
    "history.csv",
    "splits.csv.gz",
    "metrics.json",
    "figures/",
    "report.html",
)
MISTAKES = 12


def write_report(path, outcome):
    """Writes figures/*.png and report.html into the run folder `path`."""
    write_training_report(path / "report.html", _content(path, outcome))


def _content(path, outcome):
    config, start, metrics = outcome.config, outcome.start, outcome.metrics
    return TrainingReport(
        title=f"{config.backbone} on {config.data}",
        summary=_summary(config, start, outcome.history, metrics),
        weights_note=start.weights["note"],
        warnings=inspection_warnings(start.splits.inspection),
        test_metrics=outcome.test,
        val_metrics=outcome.val,
        samples=_samples(start.splits.train),
        history=outcome.history.history,
        phases=outcome.history.phases,
        mistakes=_mistakes(outcome),
        comparison=_comparison(metrics),
        verdict=" ".join(filter(None, (verdict(metrics), linear_verdict(metrics)))),
        calibration=metrics.get("calibration"),
        seconds=metrics["seconds"],
        files=(*FILES, "source_model.keras") if "source" in metrics else FILES,
        command=shlex.join(["tl-keras", *read_json(path / "environment.json")["command"][1:]]),
        image_size=start.model.input_shape[1:3],
    )


def _summary(config, start, history, metrics):
    sizes = ", ".join(f"{len(part)} {part.split}" for part in start.splits[:3])
    height, width = start.model.input_shape[1:3]
    settings = config.to_json()["fine_tune"]
    return [
        ("Backbone", config.backbone),
        ("Weights", start.weights["kind"]),
        ("Head", config.head),
        ("Data", config.data),
        *([("Unlabelled", _unlabelled_words(config, metrics))] if "unlabelled" in metrics else []),
        ("Pictures", sizes),
        ("Image size", f"{height} x {width}"),
        (
            "Phases",
            ", ".join(f"{p['name']}: {p['end'] - p['start']} epochs" for p in history.phases),
        ),
        ("Kept", _kept(history, metrics)),
        *_last_fit(metrics),
        (
            "Prediction",
            "mean of picture and mirror image" if metrics["test_time_flips"] else "plain",
        ),
        *([("Source", source_line(metrics["source"]))] if "source" in metrics else []),
        *((name, json.dumps(value)) for name, value in settings.items()),
        *_pseudo_label_settings(config, metrics),
    ]


def _kept(history, metrics):
    """Names the weights that were kept."""
    if "unlabelled" not in metrics and metrics.get("fine_tuning", {}).get("chosen"):
        point = metrics["fine_tuning"]["points"][metrics["fine_tuning"]["chosen"]]
        return (
            f"{point['share']:.0%} of the way from the linear start to the end of fine-tuning "
            f"at learning rate {point['lr']:g}"
        )
    return "the start" if history.best_epoch is None else f"epoch {history.best_epoch + 1}"


def _last_fit(metrics):
    """A row on the fit with the validation images, if there was one."""
    if not refit(metrics):
        return []
    val, size = metrics["val"], metrics["pictures"]["val"]
    words = (
        f"the same again with the {size} validation images among the training images; before "
        f"that {val['accuracy']:.1%} of them were right, log loss {val['loss']:.3f}"
    )
    return [("Last fit", words)]


def refit(metrics):
    """Tells whether validation images were trained on in the end."""
    return metrics.get("fine_tuning", {}).get("refit", False)


def _unlabelled_words(config, metrics):
    used, left_out = (metrics["unlabelled"][name] for name in ("pictures", "left_out"))
    more = f", without {left_out} that stand in val or test" if left_out else ""
    return f"{config.unlabelled}: {used} pictures{more}"


def _pseudo_label_settings(config, metrics):
    """Those of the last phase, if there was one."""
    settings = config.to_json()["pseudo_labels"] if "unlabelled" in metrics else {}
    return ((f"{name}, pseudo-labels", json.dumps(value)) for name, value in settings.items())


def inspection_warnings(inspection):
    """Returns the warnings of the inspection of the images, and a line for each skipped file."""
    if inspection is None:
        return []
    skipped = [f"Skipped {path}: {reason}" for path, reason in inspection.bad]
    return [*inspection.warnings, *skipped]


def _samples(dataset):
    samples = {}
    for label, name in enumerate(dataset.class_names):
        rows = np.flatnonzero(dataset.labels == label)[:SAMPLES_PER_CLASS]
        samples[name] = [thumbnail(dataset.load(row)) for row in rows]
    return samples


def _mistakes(outcome):
    dataset, probabilities = outcome.start.splits.test, outcome.probabilities
    names = dataset.class_names
    worst = most_confident_mistakes(probabilities, dataset.labels, limit=MISTAKES)
    return [
        {
            "path": dataset.ids[row],
            "true": names[dataset.labels[row]],
            "predicted": names[probabilities[row].argmax()],
            "probability": float(probabilities[row].max()),
            "image": thumbnail(dataset.load(row)),
        }
        for row in worst
    ]


def verdict(metrics):
    """Returns a sentence on transfer and training from scratch; "" without the latter."""
    names = "transfer", "the same network from scratch"
    return _verdict_on(metrics, "from_scratch", *names)


def linear_verdict(metrics):
    """Returns a sentence on the trained model and its linear start; "" without the latter."""
    if "linear_start" not in metrics:
        return ""
    tuning = metrics["fine_tuning"]
    if "unlabelled" in metrics:  # what was chosen has been trained on since
        return _verdict_on(metrics, "linear_start", "the trained model", "its linear start")
    if len(tuning["points"]) == 1:
        return "The model is its linear start: a logistic regression on frozen features."
    if not tuning["chosen"]:
        return "Fine-tuning did not lower the loss on validation, so the linear start was kept."
    return _verdict_on(metrics, "linear_start", "the fine-tuned model", "its linear start")


def _verdict_on(metrics, other, *names):
    if other not in metrics:
        return ""
    difference, half_width = (metrics[other][k] for k in ("difference", "half_width"))
    return difference_sentence(*names, difference, half_width, metrics["pictures"]["test"])


def _comparison(metrics):
    size = metrics["pictures"]["test"]
    trained = [metrics["pictures"][name] for name in ("train", *(["val"] * refit(metrics)))]
    labels = f"{sum(trained)} labelled pictures"
    rows = {"transfer": (metrics["test"], f"{labels}; log loss {metrics['test']['loss']:.3f}")}
    if "unlabelled" in metrics:
        more = metrics["unlabelled"]
        rows = {
            "with pseudo-labels": (metrics["test"], f"{labels}, {more['pictures']} without labels"),
            "before them": (more["labels_alone"], labels),
        }
    if "from_scratch" in metrics:
        scratch = metrics["from_scratch"]
        rows["the same network from scratch"] = (
            scratch,
            f"{labels}; {scratch['epochs']} epochs of all layers at learning rate "
            f"{scratch['lr']:g}",
        )
    if "linear_start" in metrics:
        linear = metrics["linear_start"]
        rows["the linear start alone"] = (
            linear,
            f"{labels}; log loss {linear['loss']:.3f}, {format_duration(linear['seconds'])}",
        )
    if len(rows) == 1:
        return None
    return [
        {
            "name": name,
            "accuracy": figures["accuracy"],
            "interval": accuracy_interval(figures["accuracy"], size),
            "note": note,
        }
        for name, (figures, note) in rows.items()
    ]
