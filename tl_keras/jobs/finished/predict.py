"""`tl-keras predict`: classes of images, one row per file."""

import collections
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import numpy as np

from tl_keras.checks import InputError
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.images import IMAGE_SUFFIXES, ImageReadError, printable
from tl_keras.data.loading import load_images
from tl_keras.data.shards.layout import is_shard_folder
from tl_keras.data.sounds.sound_images import Sounds, as_sounds
from tl_keras.data.sounds.waves import SOUND_SUFFIXES
from tl_keras.data.sources.folders import find_image_files
from tl_keras.data.sources.labels_file import labelled_paths
from tl_keras.evaluation.classifiers.prediction import each_batch, each_outputs
from tl_keras.files import write_csv
from tl_keras.jobs.finished.heatmap_files import (
    HeatmapFiles,
    check_heatmap_folder,
    heatmap_files,
    heatmap_folder,
)
from tl_keras.jobs.output_files import check_output, table_of
from tl_keras.jobs.runs.reading.trained_run import TrainedRun, load_run
from tl_keras.models.answers.answering_model import NO_ANSWER
from tl_keras.progress import say
from tl_keras.settings.finished_runs import PredictSettings
from tl_keras.settings.options.signatures import takes_settings

COLUMNS = ("path", "label", "probability", "error")
ANSWER_COLUMNS = ("answer", "why", "novelty")
NONE_OF_THESE, NOVEL, UNSURE = "none of these", "novel", "unsure"
TABLE = table_of("predict", *COLUMNS)


@takes_settings(PredictSettings)
def predict(settings):
    """Predicts the class of every image and writes a CSV with one row per file.

    The columns are path, label, probability, error, and one "p(CLASS)" for every class. A file
    that cannot be read has its reason in the column error and nothing in the others. A run with
    `max_error` has answer, why and novelty before the probabilities. The answer is the class, or
    "none of these" for an image that resembles no training image (why: novel). It is empty where
    the model is unsure (why: unsure). Images with a reason are left to a person. With
    `explain` the last column names the heatmap of each image, in a folder "OUT-heatmaps". Control
    characters and backslashes of file names are escaped, see `files.escape_controls`.

    Args:
        settings: `PredictSettings`, or its fields one by one.

    Returns:
        Path of the table.

    Raises:
        InputError: no such path or no image, no usable run, or `out` cannot be written. Or there
            are no heatmaps of this network.
    """
    check_output(settings.out, TABLE)
    heatmaps = heatmap_folder(settings.out) if settings.explain else None
    if heatmaps:
        check_heatmap_folder(heatmaps)
    _check_exist(settings.paths)  # before the model is loaded
    trained = load_run(settings.run)
    sources = sources_of(settings.paths, trained.sounds)
    more = () if trained.answering is None else ANSWER_COLUMNS
    header = (*COLUMNS, *more, *(f"p({name})" for name in trained.class_names))
    header = (*header, "heatmap") if heatmaps else header
    unreadable, left = 0, collections.Counter()

    def counted(rows):
        nonlocal unreadable
        for row in rows:
            unreadable += bool(row[COLUMNS.index("error")])
            left.update(row[header.index("why")] for _ in more[:1])
            yield row

    with heatmap_files(trained.model, heatmaps) if heatmaps else nullcontext() as writer:
        rows = predicted_rows(trained, sources, settings.batch_size, writer)
        write_csv(settings.out, header, counted(rows))
    files = sum(map(len, sources))
    say(f"{files} files, {unreadable} of them unreadable: {settings.out}")
    if more:
        say(f"Left to a person: {left[NOVEL]} as novel, {left[UNSURE]} as unsure.")
    return Path(settings.out)


def sources_of(paths: Sequence[str], sounds: Sounds | None = None) -> list[ImageDataset]:
    """Returns `ImageDataset`s: one of all files, one of each folder of shards."""
    files, shards = {}, []
    what = "sound" if sounds else "image"
    suffixes = SOUND_SUFFIXES if sounds else IMAGE_SUFFIXES
    _check_exist(paths)
    for path in paths:
        if is_shard_folder(path):
            shards.append(load_images(path, sounds=sounds)[0])
        elif os.path.isdir(path):
            files |= dict.fromkeys(find_image_files(path, [], [path], suffixes))
        elif os.path.splitext(path)[1].lower() == ".csv":
            files |= dict.fromkeys(labelled_paths(path))
        else:
            files[path] = None
    if not files and not shards:
        raise InputError(f"Expected {what}s in {', '.join(map(printable, paths))}; received none.")
    images = as_sounds({"all": ImageDataset(tuple(files))}, sounds)["all"]
    return [*([images] if files else []), *shards]


def _check_exist(paths):
    for path in paths:
        if not is_shard_folder(path) and not os.path.exists(path):
            raise InputError(
                f"Expected a file, a folder of files or of shards; received {printable(path)}, "
                "which does not exist."
            )


def predicted_rows(
    trained: TrainedRun,
    sources: Sequence[ImageDataset],
    batch_size: int,
    heatmaps: HeatmapFiles | None = None,
) -> Iterator[list]:
    """Yields a row of the table for each image, as soon as its batch is predicted."""
    loaded = collections.deque()
    total = sum(-(-len(images) // batch_size) for images in sources)

    def batches():
        for images in sources:
            starts = range(0, len(images), batch_size)
            each = _batches(images, trained.image_size, batch_size)
            for start, (batch, found) in zip(starts, each, strict=True):
                loaded.append((images, start, batch, found))
                yield batch

    for outputs in _each_outputs(trained, batches(), total):
        *where, found = loaded.popleft()
        rows = [
            _row(path, error, *values, trained.class_names)
            for (path, error), *values in zip(found, *outputs, strict=True)
        ]
        if heatmaps:
            names = heatmaps.write(*where, outputs[0].argmax(axis=1), found)
            rows = [[*row, name] for row, name in zip(rows, names, strict=True)]
        yield from rows


def _each_outputs(trained, batches, total):
    """(probabilities (b, c), cells of `ANSWER_COLUMNS` of each image) of each batch."""
    if trained.answering is None:
        for views in each_batch(trained.model, batches, total, flips=trained.flips):
            yield views.mean(axis=0), [[]] * views.shape[1]
        return
    for outputs in each_outputs(trained.answering, batches, total):
        given = zip(outputs["answer"], outputs["novelty"], strict=True)
        cells = [answer_cells(*each, trained.class_names) for each in given]
        yield outputs["probabilities"], cells


def answer_cells(answer: int, novelty: float, class_names: Sequence[str]) -> list[str]:
    """Returns the cells of `ANSWER_COLUMNS` for two outputs of a model that answers."""
    shown = f"{novelty:.6f}"
    if answer != NO_ANSWER:
        return [class_names[answer], "", shown]
    return ["", UNSURE, shown] if novelty <= 0 else [NONE_OF_THESE, NOVEL, shown]


def _batches(images, image_size, batch_size):
    """(float32 (b, h, w, 3), [(path, reason or "")]) of each batch; unreadable images are black."""

    def load(index):
        try:
            return images.resized(index, image_size), ""
        except ImageReadError as error:
            return np.zeros((*image_size, 3), np.uint8), error.reason

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(images), batch_size):
            rows = range(start, min(start + batch_size, len(images)))
            pixels, errors = zip(*pool.map(load, rows), strict=True)
            paths = [images.ids[row] for row in rows]
            yield np.stack(pixels).astype(np.float32), list(zip(paths, errors, strict=True))


def _row(path, error, values, answer, class_names):
    if error:
        return [path, "", "", error, *("" for _ in (*answer, *class_names))]
    best = int(values.argmax())
    shown = (f"{v:.6f}" for v in values)
    return [path, class_names[best], f"{values[best]:.6f}", "", *answer, *shown]
