"""`tl-keras few-shot`: a classifier from a few images of each class, in seconds."""

import dataclasses
import time

import keras
import numpy as np

from tl_keras.checks import InputError
from tl_keras.data.dataset import Splits
from tl_keras.data.images import printable
from tl_keras.data.pipelines.augmentation_presets import mirrors, resolve_augment
from tl_keras.evaluation.classifiers.classification import accuracy_interval, evaluate_predictions
from tl_keras.jobs.features.encoder_features import need_encoder_weights
from tl_keras.jobs.few_labels.few_shot.encoder import load_encoder, sounds_of
from tl_keras.jobs.few_labels.few_shot.queries import predict_queries
from tl_keras.jobs.few_labels.few_shot.support import load_support
from tl_keras.jobs.finished.predict import COLUMNS, sources_of
from tl_keras.jobs.output_files import check_output, table_of
from tl_keras.jobs.runs.measuring import main_figures
from tl_keras.jobs.runs.reading.known_images import with_known
from tl_keras.jobs.runs.reading.trained_run import TrainedRun
from tl_keras.jobs.runs.writing.run_folder import RunFolder, default_run_path
from tl_keras.models.backbones.backbone import check_backbone
from tl_keras.progress import say
from tl_keras.reports.page_parts.html import write_page
from tl_keras.reports.pages.few_shot_page import few_shot_page
from tl_keras.reports.pages.results import FewShotResults
from tl_keras.settings.features import PIXELS
from tl_keras.settings.few_labels.few_shot import FewShotSettings
from tl_keras.settings.options.signatures import takes_settings
from tl_keras.training.few_shot.support_classifier import SupportClassifier

TABLE = table_of("few-shot", *COLUMNS)
_MOST_ROWS = 20_000  # the matrix of ridge regression has so many rows and columns


@takes_settings(FewShotSettings)
def few_shot(settings):
    """Fits a classifier on a few labelled images, saves it as a run and predicts query images.

    Args:
        settings: `FewShotSettings`, or its fields one by one.

    Returns:
        Path of the run folder: model.keras, classes.json, metrics.json, report.html. `predict`,
        `evaluate` and `export` take it as they take that of `train`.

    Raises:
        InputError: support, query, encoder or `out` cannot be used. Nothing is half-written.
    """
    started = time.monotonic()
    keras.utils.set_random_seed(settings.seed)
    check_output(settings.out, TABLE)
    check_backbone(settings.encoder, PIXELS, option="encoder")
    sounds = sounds_of(settings)
    sources_of((settings.query,), sounds)  # refused before anything is computed
    path = settings.run or default_run_path("few-shot", settings.support)
    encoder = settings.encoder, settings.weights, settings.support, settings.image_size
    with RunFolder(path, option="--run") as folder:
        need_encoder_weights(*encoder, "encoder")
        support, inspection = load_support(
            settings.support, settings.on_bad_image, sounds, settings.fixes
        )
        settings = _heard(settings, support.sounds)
        classifier, source, seconds = _fitted(settings, support)
        trained = _save(folder, settings, support, inspection, classifier)
        begun = time.monotonic()
        sources = sources_of((settings.query,), support.sounds)
        queries = predict_queries(
            trained, sources, support, settings.query, settings.out, settings.batch_size
        )
        named = "query images with a class"
        inspection = with_known(inspection, queries.with_class(), [settings.encoder], named)
        seconds |= {"query": time.monotonic() - begun, "total": time.monotonic() - started}
        metrics = _metrics(classifier, support, queries, seconds)
        folder.write_json("metrics.json", metrics)
        results = FewShotResults(
            config=settings,
            support=support,
            queries=queries,
            source=source,
            metrics=metrics,
            inspection=inspection,
        )
        write_page(folder.path / "report.html", few_shot_page(results))
    _say_result(metrics, settings, folder.path)
    return folder.path


def _heard(settings, sounds):
    """Returns the settings with those of the spectrograms, decided by the data or the encoder."""
    if sounds is None:
        return settings
    heard = {"clip_seconds": sounds.seconds, "sample_rate": sounds.sample_rate}
    return dataclasses.replace(settings, kind="audio", **heard)


def _fitted(settings, support):
    """Returns (fitted `SupportClassifier`, sentence on its features, seconds)."""
    found = load_encoder(settings, support)
    mirror = mirrors("auto", support) if settings.mirror == "auto" else settings.mirror == "yes"
    classifier = SupportClassifier(
        found.model,
        method=found.usual if settings.method == "auto" else settings.method,
        metric=found.metric,
        mirror=mirror,
        copies=found.copies if settings.copies is None else settings.copies,
        augment=resolve_augment("auto", support),
        factor=found.factor,
        seed=settings.seed,
    )
    _check_few(support, classifier)
    begun = time.monotonic()
    classifier.fit_support(support, support.labels)
    taken = time.monotonic() - begun
    return (
        classifier,
        found.source,
        {"features": taken - classifier.seconds, "fit": classifier.seconds},
    )


def _check_few(support, classifier):
    rows = len(support) * (1 + classifier.mirror) * (1 + classifier.copies)
    if rows > _MOST_ROWS:
        raise InputError(
            f"Expected at most {_MOST_ROWS:,} support images, with mirror images and copies; "
            f"received {rows:,}. Give fewer, or --copies 0, or `tl-keras train --preset fast`, "
            "which fits a logistic regression on any number."
        )


def _save(folder, settings, support, inspection, classifier):
    """Writes the files by which other commands know the run; returns it."""
    model = classifier.as_keras()
    folder.save_model(model)
    folder.write_classes(support.class_names, model, flips=classifier.mirror)
    folder.write_splits(Splits(support, None, None, inspection))
    folder.keep_fixes(settings.fixes)
    config = settings.to_json() | {"run": None}  # a repeated run has a folder of its own
    folder.write_json("config.json", config)
    folder.write_environment()
    return TrainedRun(folder.path, config, model, support.class_names, classifier.mirror)


def _metrics(classifier, support, queries, seconds):
    held = np.isfinite(classifier.out_of_fold[:, 0])
    return {
        "method": classifier.chosen,
        "metric": classifier.metric,
        "mirror": classifier.mirror,
        "copies": classifier.copies,
        "temperature": classifier.temperature,
        "support": support.class_counts(),
        "out_of_fold": _figures(
            classifier.out_of_fold[held], support.labels[held], support.class_names
        ),
        "query": _figures(
            queries.probabilities[queries.measured],
            queries.labels[queries.measured],
            support.class_names,
        ),
        "pictures": {"train": len(support), "query": len(queries.paths)},
        "unreadable_queries": int((~queries.readable).sum()),
        "queries_in_support": int(queries.known.sum()),
        "seconds": seconds,
    }


def _figures(probabilities, labels, class_names):
    """Returns the main figures with an interval of the accuracy; None without images."""
    if not len(labels):
        return None
    figures = main_figures(evaluate_predictions(probabilities, labels, class_names))
    interval = accuracy_interval(figures["accuracy"], len(labels))
    return {"images": len(labels), **figures, "interval": interval}


def _say_result(metrics, settings, path):
    seconds = metrics["seconds"]
    say(
        f"{metrics['pictures']['query']} query images, {metrics['unreadable_queries']} of them "
        f"unreadable: {settings.out}"
    )
    if metrics["queries_in_support"]:
        say(
            f"{metrics['queries_in_support']} query images are support images: their predictions "
            "prove nothing, and no accuracy counts them."
        )
    for name, words in (("out_of_fold", "Support, held out"), ("query", "Query, by its folders")):
        if metrics[name]:
            say(f"{words}: {_accuracy(metrics[name])}.")
    parts = ", ".join(f"{name} {taken:.1f} s" for name, taken in seconds.items())
    say(f"{metrics['method']} on {printable(settings.encoder)}: {parts}.")
    say(f"Report: {path / 'report.html'}")


def _accuracy(figures):
    low, high = figures["interval"]
    return (
        f"accuracy {figures['accuracy']:.1%} ({low:.1%} to {high:.1%}, {figures['images']} images)"
    )
