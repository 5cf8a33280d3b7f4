"""Predictions of query images, their classes by folder, and those that are support images."""

import dataclasses
import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from tl_keras.data.dataset import ImageDataset
from tl_keras.data.images import printable
from tl_keras.data.split_records import contents_of
from tl_keras.files import write_csv
from tl_keras.jobs.finished.predict import COLUMNS, predicted_rows
from tl_keras.jobs.runs.reading.trained_run import TrainedRun


@dataclasses.dataclass(frozen=True, eq=False)
class Queries:
    """Predicted query images.

    Attributes:
        sources: `ImageDataset`s with the images, one after the other.
        paths: name of each image.
        errors: reason why it could not be read, "" where it could.
        probabilities: float32 (n, num_classes); 0 for one that could not be read.
        labels: ints (n,), class by folder, -1 where the folder is no class.
        known: bool (n,), whether it is a support image.
        other_folders: names of folders that are no classes, if others are.
    """

    sources: Sequence[ImageDataset]
    paths: Sequence[str]
    errors: Sequence[str]
    probabilities: np.ndarray
    labels: np.ndarray
    known: np.ndarray
    other_folders: Sequence[str]

    @property
    def readable(self) -> np.ndarray:
        """Mask of the images that could be read, bool (n,)."""
        return np.array([not error for error in self.errors])

    @property
    def measured(self) -> np.ndarray:
        """Mask of the images that have a class and took no part in the fit, bool (n,)."""
        return self.readable & (self.labels >= 0) & ~self.known

    def with_class(self) -> list[ImageDataset]:
        """Returns those that are `measured`, of each source."""
        ends = np.cumsum([len(source) for source in self.sources])[:-1]
        pairs = zip(self.sources, np.split(self.measured, ends), strict=True)
        return [source.subset(np.flatnonzero(rows)) for source, rows in pairs]

    def load(self, row: int) -> np.ndarray:
        """Returns an image, uint8 (h, w, 3)."""
        for source in self.sources:
            if row < len(source):
                return source.load(row)
            row -= len(source)
        raise IndexError(row)


def predict_queries(
    trained: TrainedRun,
    sources: Sequence[ImageDataset],
    support: ImageDataset,
    folder: str,
    out: str,
    batch_size: int,
) -> Queries:
    """Predicts images and writes the table, a row for each as `tl-keras predict` does.

    Args:
        trained: the classifier.
        sources: `ImageDataset`s to predict.
        support: `ImageDataset` that it was fitted on.
        folder: below which folders named like a class hold images of that class.
        out: path of the table.
        batch_size: images per step.
    """
    errors, values = [], []

    def noted(rows: Iterator[list]) -> Iterator[list]:
        for row in rows:
            error, numbers = row[COLUMNS.index("error")], row[len(COLUMNS) :]
            errors.append(error)
            values.append(np.zeros(len(numbers)) if error else np.array(numbers, np.float32))
            yield row

    header = (*COLUMNS, *(f"p({name})" for name in trained.class_names))
    write_csv(out, header, noted(predicted_rows(trained, sources, batch_size)))
    paths = [path for source in sources for path in source.ids]
    labels, others = _labels(paths, folder, trained.class_names)
    known = _known(sources, paths, errors, support)
    return Queries(sources, paths, errors, np.float32(values), labels, known, others)


def _labels(paths, folder, class_names):
    """Returns (labels, -1 for none; names of the other folders), by the first folder of a path."""
    ways = [Path(os.path.relpath(path, folder)).parts for path in paths]
    tops = [printable(way[0]) if len(way) > 1 else "" for way in ways]
    numbers = {name: number for number, name in enumerate(class_names)}
    labels = np.array([numbers.get(top, -1) for top in tops])
    others = {top for top in tops if top and top not in numbers}
    return labels, sorted(others) if (labels >= 0).any() else ()


def _known(sources, paths, errors, support):
    """Returns which images are those of the support, or the same."""
    if not all(each.has_paths for each in (support, *sources)):
        return _same_pixels(sources, errors, support)
    sizes = {os.path.getsize(path) for path in support.images}
    contents = {_content(path) for path in support.images}
    return np.array([_size(path) in sizes and _content(path) in contents for path in paths])


def _size(path):
    return os.path.getsize(path) if os.path.isfile(path) else -1


def _content(path):
    try:
        return hashlib.sha256(Path(path).read_bytes()).digest()
    except OSError:
        return None


def _same_pixels(sources, errors, support):
    known, found = set(contents_of(support, {})), np.zeros(len(errors), bool)
    readable, start = [not error for error in errors], 0
    for part in sources:
        rows = np.flatnonzero(readable[start : start + len(part)])
        found[start + rows] = [name in known for name in contents_of(part.subset(rows), {})]
        start += len(part)
    return found
