"""Source of images with the labels of a file, such as the labels.csv of `tl-keras label`."""

import os
from collections import Counter

import numpy as np

from tl_keras.checks import InputError
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.images import printable
from tl_keras.data.sources.folders import FolderContents
from tl_keras.data.sources.label_rows import NONE_OF_THESE, read_label_rows


def read_labels_file(path: str, *, require_labels: bool = True) -> FolderContents:
    """Returns the images that have a class in a file of labels, without opening them.

    The last row of an image counts. Images that belong to none of the classes are left out, and a
    note says how many.

    Args:
        path: CSV table, see `data.sources.label_rows`.
        require_labels: whether at least two classes are required.

    Raises:
        InputError: the file or its folder cannot be read, or it has too few labels.
    """
    rows = read_label_rows(path)
    if not os.path.isdir(rows.folder):
        raise InputError(
            f"Expected the folder of images that {printable(path)} names; received "
            f"{printable(rows.folder)}, which is not there. Put it back, or name the new one in "
            "the first line of the file."
        )
    last = {_path(rows, name): row for name, row in rows.last.items()}
    paths = {path: row for path, row in last.items() if row.label != NONE_OF_THESE}
    classes = tuple(sorted({row.label for row in paths.values()}))
    _check_classes(path, paths, classes, require_labels)
    numbers = {name: number for number, name in enumerate(classes)}
    dataset = ImageDataset(
        tuple(paths),
        np.array([numbers[row.label] for row in paths.values()], np.int32),
        classes,
        source=rows.folder,
    )
    return FolderContents(
        {"all": dataset},
        notes=list(_notes(path, rows)),
        contents={name: row.content for name, row in paths.items() if row.content},
    )


def labelled_paths(path: str) -> list[str]:
    """Returns the paths of all images with a row that counts in a file of labels."""
    rows = read_label_rows(path)
    return list(dict.fromkeys(_path(rows, name) for name in rows.last))


def _path(rows, name):
    """Returns the path of an image as a search of its folder would, however its row has it."""
    below = os.path.relpath(os.path.join(rows.folder, name), rows.folder)
    return os.path.normpath(os.path.join(rows.folder, below))


def _check_classes(path, labelled, classes, require_labels):
    if labelled and (len(classes) > 1 or not require_labels):
        return
    received = f"{len(labelled)} images of {', '.join(classes)} alone" if labelled else "none"
    needed = "labels of two classes or more" if require_labels else "labelled images"
    raise InputError(
        f"Expected {needed} in {printable(path)}; received {received}. Go on labelling."
    )


def _notes(path, rows):
    none = Counter(row.label for row in rows.last.values())[NONE_OF_THESE]
    if none:
        yield (
            f"{none} images of {printable(path)} that belong to {NONE_OF_THESE} classes are left "
            "out."
        )
    if rows.is_cut:
        yield f"The last row of {printable(path)} was cut off and is left aside."
