"""results.csv and correct.npz, written after each run, so that a kill loses no finished run."""

import csv
import io
import zipfile
from pathlib import Path

import numpy as np

from tl_keras.checks import InputError
from tl_keras.files import replacing, write_text
from tl_keras.progress import say

CORRECT = "correct.npz"
RUN = ("method", "labels_per_class", "seed")
MACRO_F1 = "test_macro_f1"  # NaN in runs that are older than this column
COLUMNS = {
    "method": str,
    "labels_per_class": int,
    "seed": int,
    "test_accuracy": float,
    "val_accuracy": float,
    "test_loss": float,
    MACRO_F1: float,
    "epochs": int,
    "best_epoch": int,
    "lr": float,
    "train_pictures": int,
    "val_pictures": int,
    "test_pictures": int,
    "seconds": float,
}


class Results:
    """The finished runs of a comparison.

    Args:
        path: results.csv; its runs, and those of correct.npz beside it, are read.

    Attributes:
        rows: a dict of `COLUMNS` for each run.
        correct: {(method, labels_per_class, seed): bool (test images,)}, the images that each
            run got right.

    Raises:
        InputError: one of the files is damaged.
    """

    def __init__(self, path):
        self._path = Path(path)
        self._answers = self._path.with_name(CORRECT)
        self.rows = read_results(path) if self._path.exists() else []
        self.correct = read_correct(self._answers, self.rows)

    def has(self, method, labels_per_class, seed):
        """Returns whether this run is finished."""
        return (method, labels_per_class, seed) in self.correct

    def append(self, row, correct):
        """Writes the files with one more run, each whole or not at all.

        results.csv comes last: a run is finished once it is there.
        """
        self.correct[_run_of(row)] = correct
        write_correct(self._answers, self.correct)
        self.rows.append(row)
        write_table(self._path, self.rows)


def read_results(path):
    """Returns the rows of a results.csv with numbers as numbers.

    Rows that cannot be read, such as one that was cut, are left out, which is printed. Their runs
    count as not finished.

    Raises:
        InputError: the file has not the columns of a results.csv.
    """
    text = Path(path).read_text(encoding="utf-8", errors="replace")
    whole = text[: text.rfind("\n") + 1]  # a number in a cut line could be read as another one
    table = csv.DictReader(io.StringIO(whole, newline=""))
    if not set(COLUMNS) <= {*(table.fieldnames or ()), MACRO_F1}:
        raise InputError(
            f"Expected {path} as `tl-keras compare` writes it; received one without its columns. "
            "Remove the folder to begin anew."
        )
    rows = [_row_of({MACRO_F1: "nan", **row}) for row in table]
    bad = rows.count(None) + bool(text[len(whole) :].strip())
    if bad:
        say(f"{bad} rows of {path} cannot be read and are left out; their runs are made anew.")
    return [row for row in rows if row is not None]


def _row_of(row):
    try:
        return {name: kind(row[name]) for name, kind in COLUMNS.items()}
    except (TypeError, ValueError):
        return None


def write_correct(path, correct):
    """Writes {(method, labels_per_class, seed): bool (images,)} as .npz, whole or not at all."""
    methods, budgets, seeds = zip(*correct, strict=True)
    table = {"method": methods, "labels_per_class": budgets, "seed": seeds}
    with replacing(path) as temporary:
        np.savez_compressed(temporary, **table, correct=np.stack(list(correct.values())))


def read_correct(path, rows):
    """Returns {(method, labels_per_class, seed): bool (images,)} of the runs in `rows`.

    Raises:
        InputError: the file is damaged or lacks a run.
    """
    if not rows:
        return {}
    try:
        with np.load(path) as file:
            runs = zip(*(file[name].tolist() for name in RUN), strict=True)
            found = dict(zip(runs, file["correct"], strict=True))
        correct = {_run_of(row): found[_run_of(row)] for row in rows}
        _check_lengths(correct, rows)
    except (KeyError, TypeError, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(
            f"Expected {path} to say which test images each run in results.csv got right; "
            f"received one that does not ({error}). Remove the folder to begin anew."
        ) from error
    return correct


def _check_lengths(correct, rows):
    for row in rows:
        if (n := len(correct[_run_of(row)])) != row["test_pictures"]:
            raise ValueError(f"{n} answers to {row['test_pictures']} test images")


def _run_of(row):
    return tuple(row[name] for name in RUN)


def write_table(path, rows):
    """Writes dicts with the same keys as .csv, whole or not at all; floats keep every digit."""
    table = io.StringIO()
    writer = csv.DictWriter(table, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, table.getvalue())
