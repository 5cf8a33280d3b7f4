"""Descriptions of classes by attributes or word vectors, from a CSV table."""

import csv
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tl_keras.checks import InputError, listed
from tl_keras.data.images import printable

_MOST_BYTES = 256 * 2**20


@dataclasses.dataclass(frozen=True, eq=False)
class ClassDescriptions:
    """One row of numbers for each class: attributes, or a word vector.

    Attributes:
        class_names: name of each row.
        columns: name of each number.
        values: float64 (num_classes, columns).

    Raises:
        InputError: a name is there twice, a number is not finite, two classes have the same
            numbers, or every class has.
    """

    class_names: tuple[str, ...]
    columns: tuple[str, ...]
    values: np.ndarray

    def __post_init__(self):
        for name in ("class_names", "columns"):
            object.__setattr__(self, name, tuple(map(str, getattr(self, name))))
        object.__setattr__(self, "values", np.asarray(self.values, np.float64))
        self._check()

    def __len__(self):
        return len(self.class_names)

    @property
    def constant(self) -> tuple[str, ...]:
        """Columns with one value in all classes, which tell nothing."""
        same = (self.values == self.values[0]).all(axis=0)
        return tuple(np.array(self.columns, object)[same])

    def numbers(self, names: Sequence) -> np.ndarray:
        """Returns the rows of classes, given by name or by number.

        Raises:
            InputError: a class is not described.
        """
        rows = {name: row for row, name in enumerate(self.class_names)}
        rows |= {row: row for row in range(len(self))}
        missing = [name for name in names if name not in rows]
        if missing:
            raise InputError(
                f"Expected a description of every class; received none of "
                f"{listed(list(map(str, missing)))}. Described are {listed(self.class_names)}. "
                "Add a row for it, or leave the class out."
            )
        return np.array([rows[name] for name in names], np.int64)

    def of(self, names: Sequence) -> "ClassDescriptions":
        """Returns the descriptions of some classes, in the order of `names`."""
        rows = self.numbers(names)
        return ClassDescriptions(
            tuple(self.class_names[row] for row in rows), self.columns, self.values[rows]
        )

    def _check(self):
        shape = (len(self.class_names), len(self.columns))
        if self.values.shape != shape or shape[0] < 2 or not shape[1]:
            raise InputError(
                "Expected a number for each of two or more classes and of one or more columns; "
                f"received {shape[0]} classes, {shape[1]} columns and numbers of shape "
                f"{self.values.shape}."
            )
        twice = sorted({n for n in self.class_names if self.class_names.count(n) > 1})
        if twice:
            raise InputError(
                f"Expected one description of each class; received several of {listed(twice)}. "
                "Remove all but one."
            )
        self._check_numbers()

    def _check_numbers(self):
        wrong = np.argwhere(~np.isfinite(self.values))
        if len(wrong):
            row, column = wrong[0]
            raise InputError(
                f"Expected finite numbers as descriptions; received {self.values[row, column]} for "
                f"class {self.class_names[row]!r} in column {self.columns[column]!r} (of "
                f"{len(wrong)} in all). Fill it in, or leave out the row or the column."
            )
        if len(self.constant) == len(self.columns):
            raise InputError(
                "Expected columns that differ between classes; received the same numbers for all. "
                "Add attributes that tell the classes apart."
            )
        groups = {}
        for name, row in zip(self.class_names, self.values, strict=True):
            groups.setdefault(row.tobytes(), []).append(name)
        for names in groups.values():
            if len(names) > 1:
                raise InputError(
                    f"Expected descriptions that tell the classes apart; received the same numbers "
                    f"for {listed(names)}. Add a column in which they differ, or leave out all "
                    "but one."
                )


def read_descriptions(path: str | Path, classes: Sequence[str] | None = None) -> ClassDescriptions:
    """Reads a CSV table: the name of a class, then its numbers; a heading is optional.

    Args:
        path: file in UTF-8, with commas, semicolons or tabs.
        classes: names of the rows that are used, in this order; None for all.

    Returns:
        `ClassDescriptions`.

    Raises:
        InputError: the file cannot be read or is no such table, or see `ClassDescriptions`; only
            the rows that are used are checked.
    """
    rows = _rows(path)
    heading = not _is_number(rows[0][-1])
    names = rows[0][1:] if heading else [f"v{n:02d}" for n in range(len(rows[0]) - 1)]
    body = [(number, row) for number, row in enumerate(rows, 1)][heading:]
    for number, row in body:
        if len(row) != len(names) + 1:
            raise InputError(
                f"Expected {len(names) + 1} cells in each row of {printable(path)}; received "
                f"{len(row)} in row {number}. Fill in the others."
            )
    if classes is not None:
        body = _chosen(body, classes, path)
    try:
        values = np.array([[_number(cell) for cell in row[1:]] for _, row in body])
        return ClassDescriptions([row[0] for _, row in body], names, values)
    except InputError as error:
        raise InputError(f"{error} The table is {printable(path)}.") from None


def _rows(path):
    """Rows of stripped cells that are not empty."""
    path = Path(path)
    if not path.is_file():
        raise InputError(
            f"Expected a CSV table of descriptions; received {printable(path)}, and there is no "
            "such file."
        )
    if path.stat().st_size > _MOST_BYTES:
        raise InputError(
            f"Expected a table of at most {_MOST_BYTES // 2**20} MiB; received {printable(path)} "
            f"of {path.stat().st_size // 2**20} MiB. Keep the rows of your classes."
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
        first = text.lstrip().split("\n", 1)[0]
        delimiter = max("\t;,", key=first.count)
        read = csv.reader(text.splitlines(), delimiter=delimiter, strict=True)
        rows = [[cell.strip() for cell in row] for row in read]
    except (OSError, ValueError, csv.Error) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"Expected a CSV table in UTF-8; received {printable(path)} ({reason}). Save it anew."
        ) from error
    rows = [row for row in rows if any(row)]
    if not rows or len(rows[0]) < 2:
        raise InputError(
            f"Expected rows of a class name and its numbers in {printable(path)}; received "
            f"{'no cells' if not rows else 'one cell a row'}. Separate them with commas."
        )
    return rows


def _chosen(body, classes, path):
    """The rows of `classes`; a row that is there twice stays, so that it is refused."""
    known = {row[0] for _, row in body}
    missing = [name for name in classes if name not in known]
    if missing:
        raise InputError(
            f"Expected a row for every class in {printable(path)}; received none for "
            f"{listed(missing)}. It has {listed(sorted(known))}. Add a row, or rename it."
        )
    return [each for name in classes for each in body if each[1][0] == name]


def _is_number(cell):
    try:
        float(cell)
    except ValueError:
        return not cell
    return True


def _number(cell):
    try:
        return float(cell) if cell else float("nan")
    except ValueError:
        raise InputError(
            f"Expected numbers after the name of a class; received {cell[:40]!r}. Write attributes "
            "as 0 and 1, or as other numbers."
        ) from None
