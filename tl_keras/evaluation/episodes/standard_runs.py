"""Runs of Omniglot's one-shot test: a folder a run, with images to learn from and to recognise."""

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tl_keras.checks import InputError
from tl_keras.data.images import printable, read_resized

LABELS = "class_labels.txt"


class Run(NamedTuple):
    """One run.

    Attributes:
        name: of its folder.
        support: uint8 (n, h, w), one image of each class, dark ink on white.
        query: uint8 (m, h, w).
        answers: int (m,), place in `support` of the image of the same class.
    """

    name: str
    support: np.ndarray
    query: np.ndarray
    answers: np.ndarray


def read_runs(folder: str | Path, image_size: int = 105) -> list[Run]:
    """Reads the runs of a folder as published: run01 to run20.

    Each has a file class_labels.txt, whose lines name a query and the support image of its class:
    "run01/test/item01.png run01/training/class15.png".

    Args:
        folder: path.
        image_size: side in pixels.

    Raises:
        InputError: there is no run, or a run's file names an image that cannot be read.
    """
    files = sorted(Path(folder).glob(f"*/{LABELS}"))
    if not files:
        raise InputError(
            f"Expected folders with {LABELS}, as in Omniglot's one-shot runs, in "
            f"{printable(os.fspath(folder))}; received none."
        )
    return [_read_run(file, image_size) for file in files]


def run_accuracies(learner: Any, runs: list[Run], **predict_arguments: Any) -> np.ndarray:
    """Returns the accuracy of each run by an object with `fit_support` and `predict`, 0-1."""
    accuracies = []
    for run in runs:
        learner.fit_support(run.support, np.arange(len(run.support)))
        found = learner.predict(run.query, **predict_arguments)
        accuracies.append(np.mean(np.asarray(found) == run.answers))
    return np.array(accuracies)


def _read_run(file, image_size):
    lines = file.read_text(encoding="utf-8").splitlines()
    pairs = [line.split() for line in lines if line.strip()]
    if not pairs or any(len(pair) != 2 for pair in pairs):
        raise InputError(f"Expected lines of a query and a support image; received {file}.")
    shown = sorted({pair[1] for pair in pairs})
    shown = _with_others(file, shown)
    root = file.parent.parent

    def read(names):
        size = (image_size, image_size)
        return np.stack([read_resized(root / name, size)[..., 0] for name in names])

    answers = np.array([shown.index(pair[1]) for pair in pairs])
    return Run(file.parent.name, read(shown), read([pair[0] for pair in pairs]), answers)


def _with_others(file, named):
    """Returns the support images that are named, and the others of their folder."""
    root = file.parent.parent
    folder = (root / named[0]).parent
    found = {path.relative_to(root).as_posix() for path in folder.glob("*.png")}
    return sorted(found | set(named))
