"""`tl-keras enough`: accuracy that more labels will bring."""

import dataclasses
import time

import keras
import numpy as np

from tl_keras.checks import InputError
from tl_keras.data.dataset import concatenated
from tl_keras.data.grouping.groups import DUPLICATES
from tl_keras.data.images import printable
from tl_keras.data.loading import load_unsplit
from tl_keras.data.sources.folders import find_image_files
from tl_keras.data.sources.label_rows import is_label_log
from tl_keras.data.sources.labels_file import labelled_paths
from tl_keras.evaluation.labelling.forecast import (
    TIMES,
    classes_in_need,
    forecast,
    measure_curve,
)
from tl_keras.evaluation.labelling.head import unit_rows
from tl_keras.jobs.features.encoder_features import encoder_features, need_encoder_weights
from tl_keras.jobs.runs.reading.known_images import with_known
from tl_keras.jobs.runs.writing.run_folder import RunFolder, default_run_path
from tl_keras.models.backbones.backbone import check_backbone
from tl_keras.progress import say
from tl_keras.reports.page_parts.html import write_page
from tl_keras.reports.pages.enough_page import enough_page
from tl_keras.reports.pages.results import EnoughResults
from tl_keras.reports.wording.enough import forecast_sentence, need_sentence
from tl_keras.settings.features import PIXELS

_SHOWN = np.linspace(1, TIMES[-1], 13)  # times as many labels, in the figure


def enough(config):
    """Measures the learning curve of labelled images and writes a page with its continuation.

    The classifier is the linear one on frozen features. Images of a labels.csv were chosen by
    `tl-keras label`, so they are harder than the others of their folder; the forecast allows for
    that. All other images are taken for drawn at random.

    Args:
        config: `EnoughSettings`.

    Returns:
        Path of the run folder: report.html, metrics.json, figures/forecast.png.

    Raises:
        InputError: the images or the backbone cannot be used, or there are fewer than 10 labels;
            nothing is left half-written.
    """
    started = time.monotonic()
    keras.utils.set_random_seed(config.seed)
    check_backbone(config.backbone, PIXELS)
    with RunFolder(config.out or default_run_path("enough", config.data)) as run:
        need_encoder_weights(config.backbone, config.weights, config.data, config.image_size)
        images, inspection = load_unsplit(
            config.data,
            on_bad_image=config.on_bad_image,
            fixes=config.fixes,
            group_by=DUPLICATES,
        )
        _check_labels(config, images)
        inspection = with_known(inspection, [images], [config.backbone], "labelled images")
        rows, others, kind = _rows(config, images)
        labels, classes = images.labels, images.num_classes
        how = {"others": others, "groups": images.groups, "seed": config.seed}
        curve = measure_curve(rows, labels, classes, **how)
        wanted = curve.labels + (config.more or curve.labels)
        counts = sorted({*(_SHOWN * curve.labels).astype(int).tolist(), wanted})
        forecasts = [forecast(curve, count, kind=kind) for count in counts]
        needs = classes_in_need(curve, images.labels)
        results = EnoughResults(
            config=config,
            class_names=images.class_names,
            labels=images.labels,
            curve=curve,
            kind=kind,
            forecasts=forecasts,
            wanted=counts.index(wanted),
            needs=needs,
            inspection=inspection,
            seconds=time.monotonic() - started,
        )
        run.write_json("config.json", config.to_json())
        run.write_environment()
        run.write_json("metrics.json", _metrics(results))
        write_page(run.path / "report.html", enough_page(results))
    say(f"{forecast_sentence(results)} {need_sentence(results)}")
    say(f"Report: {run.path / 'report.html'}")
    return run.path


def _check_labels(config, images):
    if images.labels is None:
        raise InputError(
            f"Expected images with labels of two classes or more; received images without labels "
            f"in {printable(config.data)}. Label some with `tl-keras label`."
        )


def _rows(config, images):
    """(rows of the labelled images, rows of those without a label or None, kind of the labels)"""
    how = {"weights": config.weights, "image_size": config.image_size}
    if not (config.data.lower().endswith(".csv") and is_label_log(config.data)):
        features, _, _ = encoder_features(config.backbone, images, **how)
        return unit_rows(features, config.seed), None, "random"
    others = _without_label(config.data, images)
    both = concatenated([others, images.images])
    every = dataclasses.replace(images, images=both, labels=None, class_names=(), groups=None)
    features, _, _ = encoder_features(config.backbone, every, **how)
    rows = unit_rows(features, config.seed)
    return rows[len(others) :], rows[: len(others)], "chosen"


def _without_label(table, images):
    """Returns the readable images of the folder of a labels.csv of which it says nothing."""
    if not find_image_files(images.source, [], [images.source]):
        return ()  # all lie elsewhere
    every, _ = load_unsplit(images.source, on_bad_image="skip")
    known = {*labelled_paths(table), *images.images}
    return tuple(path for path in every.images if path not in known)


def _metrics(results):
    curve = results.curve
    return {
        "labels": curve.labels,
        "kind": results.kind,
        "curve": {"labels": curve.sizes, "accuracy": curve.accuracies},
        "forecasts": [dataclasses.asdict(each) for each in results.forecasts],
        "share_of_errors": dict(zip(results.class_names, results.needs.tolist(), strict=True)),
        "seconds": results.seconds,
    }
