"""`tl-keras zero-shot`: classes without training images, recognised by descriptions."""

import time

import keras

from tl_keras.data.dataset import Splits
from tl_keras.data.images import printable
from tl_keras.evaluation.encoders.probes import extract_features
from tl_keras.files import write_csv
from tl_keras.jobs.features.encoder_features import need_encoder_weights
from tl_keras.jobs.few_labels.zero_shot.classifier import encoder_of, fit_classifier, on_images
from tl_keras.jobs.few_labels.zero_shot.described_images import load_described_images
from tl_keras.jobs.few_labels.zero_shot.figures import figures_of, predict_test
from tl_keras.jobs.runs.writing.run_folder import RunFolder, default_run_path
from tl_keras.models.backbones.backbone import check_backbone
from tl_keras.progress import say
from tl_keras.reports.page_parts.html import write_page
from tl_keras.reports.pages.results import ZeroShotResults
from tl_keras.reports.pages.zero_shot_page import zero_shot_page
from tl_keras.settings.features import PIXELS
from tl_keras.settings.few_labels.zero_shot import ZeroShotSettings
from tl_keras.settings.label_free import SMALL_RESNET
from tl_keras.settings.options.signatures import takes_settings

COLUMNS = ("path", "class", "unseen", "among_unseen", "among_all", "probability")


@takes_settings(ZeroShotSettings)
def zero_shot(settings):
    """Learns attributes from seen classes and recognises unseen ones by their descriptions.

    Args:
        settings: `ZeroShotSettings`, or its fields one by one.

    Returns:
        Path of the run folder: model.keras, classes.json, attributes.csv, predictions.csv,
        metrics.json, report.html. `predict` and `export` take it as they take that of `train`.

    Raises:
        InputError: images, table, classes, encoder or `out` cannot be used; no run is left
            half-written.
    """
    started = time.monotonic()
    keras.utils.set_random_seed(settings.seed % 2**31)
    check_backbone(settings.backbone, PIXELS, SMALL_RESNET)
    with RunFolder(settings.out or default_run_path("zero-shot", settings.data)) as folder:
        need_encoder_weights(
            settings.backbone, settings.weights, settings.data, settings.image_size
        )
        images = load_described_images(settings)
        for warning in images.warnings:
            say(f"WARNING: {warning}")
        encoder, source = encoder_of(settings, images)
        train, test = (
            extract_features(encoder, part, batch_size=settings.batch_size)
            for part in (images.train, images.test)
        )
        begun = time.monotonic()
        classifier = fit_classifier(settings, images, train)
        fitted = time.monotonic() - begun
        _save(folder, settings, images, on_images(encoder, classifier, _classes(settings, images)))
        found = predict_test(classifier, test, images.test.labels)
        metrics = {
            "method": settings.method,
            **figures_of(classifier, test, images, found),
            "seconds": {"fit": fitted, "total": time.monotonic() - started},
        }
        folder.write_json("metrics.json", metrics)
        _write_predictions(folder.path / "predictions.csv", images, found)
        results = ZeroShotResults(
            config=settings, images=images, found=found, source=source, metrics=metrics
        )
        write_page(folder.path / "report.html", zero_shot_page(results))
    _say_result(metrics, settings, folder.path)
    return folder.path


def _classes(settings, images):
    """Names of the classes that the saved model chooses among."""
    names, unseen = images.descriptions.class_names, images.unseen
    return [n for n, new in zip(names, unseen, strict=True) if new or settings.classes == "all"]


def _save(folder, settings, images, model):
    """Writes the files by which other commands know the run."""
    folder.save_model(model)
    folder.write_classes(_classes(settings, images), model)
    described = images.descriptions
    rows = (
        (name, *(f"{value:.9g}" for value in row))
        for name, row in zip(described.class_names, described.values, strict=True)
    )
    write_csv(folder.path / "attributes.csv", ("class", *described.columns), rows)
    folder.write_splits(Splits(images.train, None, images.test, images.inspection))
    folder.keep_fixes(settings.fixes)
    # A repeated run has a folder of its own.
    folder.write_json("config.json", settings.to_json() | {"out": None})
    folder.write_environment()


def _write_predictions(path, images, found):
    names, unseen = images.descriptions.class_names, images.unseen
    rows = (
        (
            name,
            names[label],
            "yes" if unseen[label] else "no",
            names[among.argmax()] if unseen[label] else "",
            names[every.argmax()],
            f"{every.max():.6f}",
        )
        for name, label, among, every in zip(
            images.test.ids, found.labels, found.among_unseen, found.among_all, strict=True
        )
    )
    write_csv(path, COLUMNS, rows)


def _say_result(metrics, settings, path):
    low, high = metrics["interval"]
    general = metrics["generalized"]
    say(
        f"{len(metrics['unseen_classes'])} unseen classes, {metrics['pictures']['unseen']} images: "
        f"accuracy among them {metrics['accuracy_among_unseen']:.1%} ({low:.1%} to {high:.1%}; by "
        f"chance {metrics['by_chance']:.1%})."
    )
    say(
        f"All classes as candidates: seen {general['seen']:.1%}, unseen {general['unseen']:.1%}, "
        f"harmonic mean {general['harmonic_mean']:.1%}."
    )
    say(
        f"{settings.method} on {printable(settings.backbone)}: fitted in "
        f"{metrics['seconds']['fit']:.1f} s."
    )
    say(f"Report: {path / 'report.html'}")
