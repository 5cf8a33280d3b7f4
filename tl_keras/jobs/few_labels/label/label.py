"""`tl-keras label`: features, page and labels.csv."""

import contextlib
import functools
import os
import shlex

import keras
import numpy as np

from tl_keras.checks import InputError
from tl_keras.data.images import printable
from tl_keras.data.loading import load_unsplit
from tl_keras.data.shards.layout import is_shard_folder
from tl_keras.data.sources.label_rows import LabelLog
from tl_keras.data.split_records import contents_of
from tl_keras.evaluation.encoders.groups import first_groups
from tl_keras.evaluation.labelling.head import unit_rows
from tl_keras.evaluation.labelling.labelling import Labelling
from tl_keras.jobs.features.encoder_features import encoder_features
from tl_keras.jobs.features.kept_features import kept_features
from tl_keras.jobs.few_labels.label.answers import Answers
from tl_keras.jobs.few_labels.label.class_names import checked_name, names_of_folders
from tl_keras.jobs.few_labels.label.guesses import Guesses
from tl_keras.jobs.few_labels.label.image_groups import ImageGroups
from tl_keras.jobs.few_labels.label.label_folder import (
    LABELS,
    keep_class_names,
    kept_class_names,
    label_folder,
)
from tl_keras.jobs.few_labels.label.outlook import Outlook
from tl_keras.jobs.few_labels.label.session import LabelSession
from tl_keras.jobs.few_labels.label.watched_files import WatchedFiles
from tl_keras.models.backbones.backbone import check_backbone
from tl_keras.progress import say
from tl_keras.reports.served.local_site import add_action, local_site
from tl_keras.reports.served.serving import serve
from tl_keras.settings.features import PIXELS
from tl_keras.settings.few_labels.label import LabelSettings
from tl_keras.settings.options.signatures import takes_settings

ACTIONS = ("state", "answer", "undo", "skip", "show", "add_class", "rename_class", "grid")


@takes_settings(LabelSettings)
def label(settings):
    """Serves a page on which a person labels images, until it is stopped.

    Each answer is on the disk before the next image is shown. The same command goes on later.

    Args:
        settings: `LabelSettings`, or its fields one by one.

    Returns:
        Path of labels.csv, which every command takes as its data.

    Raises:
        InputError: the folder, the backbone or the run folder cannot be used, or Flask is missing.
    """
    if not os.path.isdir(settings.data) or is_shard_folder(settings.data):
        raise InputError(
            f"Expected a folder of image files to label; received {printable(settings.data)}, "
            "which is none."
        )
    check_backbone(settings.backbone, PIXELS)
    keras.utils.set_random_seed(settings.seed % 2**31)
    with label_folder(settings.data, settings.out) as run:
        site, answers, file = labelling_site(settings, run)
        try:
            serve(site, settings.port)
        finally:
            say(f"{answers.count} of {len(answers.names)} images labelled in {file}.")
            say(f"Train on them: tl-keras train --data {shlex.quote(printable(str(file)))}")
    return file


def labelling_site(settings, run):
    """Builds the page for `LabelSettings` in a `RunFolder`.

    Returns:
        (Flask application, `Answers`, path of labels.csv).
    """
    images, inspection = load_unsplit(settings.data, on_bad_image=settings.on_bad_image)
    for warning in inspection.warnings:
        say(f"WARNING: {warning}")
    contents = dict(inspection.contents)
    features = _features(settings, images, contents)
    names = [os.path.relpath(path, settings.data) for path in images.images]
    hashes = contents_of(images, contents)
    run.write_json("config.json", settings.to_json())
    run.write_environment()
    log = LabelLog(run.path / LABELS, settings.data)
    answers = Answers(names, hashes, log)
    folders = names_of_folders(list(images.images), settings.data)
    given = [checked_name(name) for name in settings.classes or sorted(set(folders.values()))]
    _take_labels_of_folders(answers, log, [folders.get(path) for path in images.images])
    labelling = Labelling(unit_rows(features, settings.seed), seed=settings.seed)
    session = LabelSession(
        answers,
        WatchedFiles(images, hashes),
        Guesses(labelling, answers.labels),
        Outlook(labelling.rows, np.unique(hashes, return_inverse=True)[1]),
        ImageGroups(first_groups(features, seed=settings.seed)),
        kept_class_names(run.path, log.rows, given),
        functools.partial(keep_class_names, run.path),
    )
    values = {"folder": printable(os.path.abspath(settings.data)), "file": printable(log.path)}
    site = local_site("label", f"Labels of {values['folder']}", images, values)
    for action in ACTIONS:
        add_action(site, action, getattr(session, action))
    return site, answers, log.path


def _take_labels_of_folders(answers, log, folders):
    """Labels images in class folders if others lie beside these, which only then have none."""
    if None not in folders or not any(folders):
        return
    known = {row.path for row in log.rows.rows}
    new = {
        row: name for row, name in enumerate(folders) if name and answers.names[row] not in known
    }
    if new:
        answers.give(new)
        say(f"{len(new)} images in class folders have the label of their folder.")


def _features(settings, images, contents):
    options = {"weights": settings.weights, "image_size": settings.image_size}
    if settings.backbone != PIXELS:
        with contextlib.suppress(InputError):
            return kept_features(settings.backbone, images, contents, **options)
    return encoder_features(settings.backbone, images, **options)[0]  # or why there are none
