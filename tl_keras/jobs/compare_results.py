"""results.csv: one row a run, there as soon as the run is over and still there after a kill."""

import csv
import io
from pathlib import Path

from tl_keras.checks import InputError
from tl_keras.files import write_text

COLUMNS = {
    "method": str,
    "labels_per_class": int,
    "seed": int,
    "test_accuracy": float,
    "val_accuracy": float,
    "test_loss": float,
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
        path: results.csv; what stands there is taken over.

    Attributes:
        rows: a dict of `COLUMNS` for each run.

    Raises:
        InputError: the file is damaged.
    """

    def __init__(self, path):
        self._path = Path(path)
        self.rows = read_results(path) if self._path.exists() else []

    def has(self, method, labels_per_class, seed):
        """Whether this run is finished."""
        key = (method, labels_per_class, seed)
        return any((r["method"], r["labels_per_class"], r["seed"]) == key for r in self.rows)

    def append(self, row):
        """Writes the file anew with one more row, whole or not at all."""
        self.rows.append(row)
        write_table(self._path, self.rows)


def read_results(path):
    """Returns the rows of a results.csv with numbers as numbers."""
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return [
                {name: kind(row[name]) for name, kind in COLUMNS.items()}
                for row in csv.DictReader(file)
            ]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"Expected {path} as `tl-keras compare` writes it; received one that cannot be read "
            f"({error}). Remove the folder to begin anew."
        ) from error


def write_table(path, rows):
    """Writes dicts with the same keys as .csv, whole or not at all; floats keep every digit."""
    table = io.StringIO()
    writer = csv.DictWriter(table, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, table.getvalue())
