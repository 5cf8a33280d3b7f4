"""Rows of labels.csv, one for each answer of a person; the last row of an image counts.

The first line of the file names the folder below which the paths lie; then come a header and the
rows. Control characters and backslashes are escaped, see `files.escape_controls`, so that a row is
one line. A table of one's own needs a header with `path` and `class`, and no first line. Both are
read as spreadsheets save them: with a byte-order mark, CRLF, semicolons and empty cells.
"""

import codecs
import csv
import io
import os
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tl_keras.checks import InputError
from tl_keras.data.images import printable
from tl_keras.files import escape_cells, escape_controls, unescape_controls, write_text

COLUMNS = ("path", "content", "class", "when")
NO_LABEL = ""  # class of a row that takes a label away
NONE_OF_THESE = "none of these"  # class of an image that belongs to no class
_FOLDER = "# images in "
_NEEDED = ("path", "class")
# The time of a whole last row: an editor may have left out the end of the line.
_ENDED = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}\Z")


class LabelRow(NamedTuple):
    """Answer for one image.

    Attributes:
        path: relative to the folder of the images.
        label: name of the class, `NONE_OF_THESE`, or `NO_LABEL`.
        content: hash of the pixels when it was labelled; b"" if the row has none.
        when: time with its zone, such as 2026-01-31T12:00:00+0000.
    """

    path: str
    label: str
    content: bytes = b""
    when: str = ""


@dataclass(frozen=True)
class LabelRows:
    """Rows of a file of labels.

    Attributes:
        folder: path of the folder of the images.
        rows: `LabelRow`s in the order of the file.
        size: bytes up to the end of the last whole row.
        is_cut: whether a kill cut the last row, which is left aside.
        columns: names in the header.
        separator: character between cells.
    """

    folder: str
    rows: tuple[LabelRow, ...]
    size: int
    is_cut: bool
    columns: tuple[str, ...] = COLUMNS
    separator: str = ","

    @property
    def last(self) -> dict[str, LabelRow]:
        """The last row of each image that has a label, {path: row}, in the order of answers."""
        last = {}
        for row in self.rows:
            last.pop(row.path, None)
            last[row.path] = row
        return {path: row for path, row in last.items() if row.label != NO_LABEL}


def read_label_rows(path: str | Path) -> LabelRows:
    """Reads a file of labels.

    Raises:
        InputError: it cannot be read, or is no table with the columns `path` and `class`.
    """
    try:
        data = Path(path).read_bytes()
        own = _is_own(data)
        whole = data[: data.rfind(b"\n") + 1] if own and not _ENDED.search(data) else data
        first, table = _parts(whole.decode("utf-8-sig"))
        rows = tuple(_rows(table, own))
    except (OSError, UnicodeDecodeError, ValueError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            "Expected a CSV table in UTF-8 with the columns path and class, and a row for each "
            f"image; received {printable(path)} ({' '.join(str(reason).split())})."
        ) from error
    folder = _folder(os.path.dirname(path), first)
    columns, separator = tuple(table.fieldnames or ()), table.reader.dialect.delimiter
    return LabelRows(folder, rows, len(whole), len(whole) < len(data), columns, separator)


def is_label_log(path: str | Path) -> bool:
    """Returns whether a file was written by `tl-keras label`, which chose the images."""
    with open(path, "rb") as file:
        return _is_own(file.read(64))


def _is_own(data):
    return data.removeprefix(codecs.BOM_UTF8).startswith(_FOLDER.encode())


def _parts(text):
    """Returns (the first line if it names a folder, else "", a `csv.DictReader` of the others)."""
    own = text.startswith(_FOLDER)
    first, _, table = text.partition("\n") if own else ("", "", text)
    header = table.partition("\n")[0]
    separator = ";" if ";" in header and "," not in header else ","
    return first.rstrip("\r"), csv.DictReader(io.StringIO(table, newline=""), delimiter=separator)


def _folder(beside, first):
    """Returns the folder that a first line names, without the empty cells of a spreadsheet."""
    named = first.removeprefix(_FOLDER)
    folders = [os.path.join(beside, unescape_controls(n)) for n in (named, named.rstrip(",;"))]
    return next(filter(os.path.isdir, folders), folders[0]) or os.curdir


def _rows(table, own):
    missing = [name for name in _NEEDED if name not in (table.fieldnames or ())]
    if missing:
        raise ValueError(f"without a column {missing[0]}")
    for number, row in enumerate(table, 1):
        if None in row or row["path"] is None or row["class"] is None:
            raise ValueError(f"row {number} has another number of cells than the header")
        path, label = row["path"], row["class"]
        if own:
            path, label = unescape_controls(path), unescape_controls(label)
        content = bytes.fromhex(row.get("content") or "")
        yield LabelRow(path, label.strip(), content, row.get("when") or "")


def read_column(path: str | Path, name: str) -> dict[str, str] | None:
    """Returns {path of an image: its cell in a column} of a file of labels, or None without it.

    Paths are below the folder of the images. The last row of an image with a cell counts.
    """
    if os.path.splitext(path)[1].lower() != ".csv":
        return None
    try:
        first, table = _parts(Path(path).read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError):
        return None
    if name not in (table.fieldnames or ()):
        return None
    plain = unescape_controls if first else str
    folder, cells = _folder(os.path.dirname(path), first), {}
    for row in table:
        image = os.path.relpath(os.path.join(folder, plain(row["path"] or "")), folder)
        cells[image] = plain(row[name] or "") or cells.get(image, "")
    return cells


class LabelLog:
    """File of labels to which each answer is added at once and for good.

    Args:
        path: labels.csv; created for `folder` if it is not there. A last row that a kill cut is
            removed.
        folder: folder of the images.

    Attributes:
        rows: `LabelRows` that were there before.

    Raises:
        InputError: the file cannot be read or written, or holds labels of another folder.
    """

    def __init__(self, path: str | Path, folder: str | Path) -> None:
        self.path = Path(path)
        folder = os.path.abspath(folder)
        if not self.path.exists():
            write_text(self.path, f"{_FOLDER}{escape_controls(folder)}\n{','.join(COLUMNS)}\n")
        self.rows = read_label_rows(self.path)
        if not os.path.exists(self.rows.folder) or not os.path.samefile(self.rows.folder, folder):
            raise InputError(
                f"Expected {self.path} with labels of {printable(folder)}; received those of "
                f"{printable(self.rows.folder)}. Give another --out."
            )
        if self.rows.is_cut:
            os.truncate(self.path, self.rows.size)
        elif not self.path.read_bytes().endswith(b"\n"):
            self._add(b"\n")  # an editor left it out

    def append(self, rows: Iterable[LabelRow]) -> None:
        """Adds rows, which are on the disk when this returns.

        Raises:
            InputError: the disk is full or the file is gone; none of the rows was added.
        """
        when, text = time.strftime("%Y-%m-%dT%H:%M:%S%z"), io.StringIO(newline="")
        writer = csv.writer(text, delimiter=self.rows.separator, lineterminator="\n")
        for row in rows:
            cells = (row.path, row.content.hex(), row.label, row.when or when)
            known = dict(zip(COLUMNS, cells, strict=True))
            writer.writerow(escape_cells([known.get(name, "") for name in self.rows.columns]))
        self._add(text.getvalue().encode())

    def _add(self, data):
        try:
            with open(self.path, "r+b", buffering=0) as file:
                end = file.seek(0, os.SEEK_END)
                try:
                    if file.write(data) < len(data):
                        raise OSError("the disk is full")
                    os.fsync(file.fileno())
                except OSError:
                    file.truncate(end)
                    raise
        except OSError as error:
            raise InputError(
                f"Expected to be able to add to {self.path}; received {error.strerror or error}. "
                "This answer is not kept; those before are. Free some space and answer again."
            ) from error
