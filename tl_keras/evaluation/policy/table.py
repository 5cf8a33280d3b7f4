"""Measured accuracies of the strategies on many training sets, results.csv.

`python -m docs.benchmarks policy` makes the table. A row is a training set: its data set and task,
labels per class, seed, pixels and descriptors. Accuracy, log loss and seconds follow for each
strategy that was measured on it. Strategies of a row have the same training, validation and test
images.
"""

import csv
import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path

from tl_keras.evaluation.policy.descriptors import NAMES
from tl_keras.files import write_csv
from tl_keras.settings.few_labels.recommend import STRATEGIES

RESULTS = Path(__file__).with_name("results.csv")
_KEYS = ("data_set", "task", "labels", "seed", "pixels")
# Columns of figures on test are named strategy:figure, unlike those of descriptors.
_FIGURES = ("accuracy", "loss", "seconds")


@dataclasses.dataclass(frozen=True)
class Row:
    """Results on one training set.

    Attributes:
        data_set: source of the images; a task is all of its classes or some.
        task, labels, seed, pixels: which training set it is.
        descriptors: {name: number}, see `descriptors.describe`.
        accuracy, loss, seconds: {strategy: figure on test}; a log loss may be missing.
    """

    data_set: str
    task: str
    labels: int
    seed: int
    pixels: int
    descriptors: dict[str, float]
    accuracy: dict[str, float]
    loss: dict[str, float]
    seconds: dict[str, float]

    @property
    def gains(self) -> dict[str, float]:
        """Accuracy of each strategy above that of the linear start."""
        return {name: value - self.accuracy["linear"] for name, value in self.accuracy.items()}


@functools.cache
def packaged_table() -> tuple[Row, ...]:
    """Returns the rows of the table in the package."""
    return read_table(RESULTS)


def read_table(path: Path) -> tuple[Row, ...]:
    """Returns the rows of a table that `write_table` wrote."""
    with open(path, encoding="utf-8", newline="") as file:
        return tuple(map(_row, csv.DictReader(file)))


def _row(cells):
    figures = [
        {name: float(cells[f"{name}:{f}"]) for name in STRATEGIES if cells[f"{name}:{f}"]}
        for f in _FIGURES
    ]
    descriptors = {name: float(cells[name]) for name in NAMES}
    keys = (cells["data_set"], cells["task"], *(int(cells[key]) for key in _KEYS[2:]))
    return Row(*keys, descriptors, *figures)


def write_table(path: Path, rows: Sequence[Row]) -> None:
    """Writes rows as CSV, sorted."""
    header = [*_KEYS, *NAMES, *(f"{name}:{f}" for name in STRATEGIES for f in _FIGURES)]
    write_csv(path, header, map(_cells, sorted(rows, key=lambda row: dataclasses.astuple(row)[:5])))


def _cells(row):
    figures = [getattr(row, f).get(name, "") for name in STRATEGIES for f in _FIGURES]
    numbers = [*(row.descriptors[name] for name in NAMES), *figures]
    return [
        *(getattr(row, key) for key in _KEYS),
        *(number if number == "" else f"{number:.5g}" for number in numbers),
    ]
