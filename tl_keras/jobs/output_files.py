"""Files that a user names as outputs: checked before the work, and no other file is replaced."""

import csv
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from tl_keras.checks import InputError
from tl_keras.reports.figures.image_grids import MADE_BY


class OutputKind(NamedTuple):
    """A kind of file that a command writes.

    Attributes:
        ending: of its name.
        command: that writes it.
        is_own: function of a path that tells whether the command wrote the file there.
    """

    ending: str
    command: str
    is_own: Callable[[Path], bool]


def table_of(command: str, *columns: str) -> OutputKind:
    """Returns the kind of a .csv file whose first columns are `columns`."""

    def is_own(path):
        with open(path, encoding="utf-8", newline="") as file:
            return tuple(next(csv.reader(file), ())[: len(columns)]) == columns

    return OutputKind(".csv", command, is_own)


def figures_of(command: str, *keys: str) -> OutputKind:
    """Returns the kind of a .json file that is an object with `keys`."""

    def is_own(path):
        content = json.loads(path.read_text(encoding="utf-8"))
        return isinstance(content, dict) and set(keys) <= content.keys()

    return OutputKind(".json", command, is_own)


def image_of(command: str) -> OutputKind:
    """Returns the kind of a .png file that tl_keras signed, unless it belongs to a run folder."""

    def is_own(path):
        if any((folder / "config.json").is_file() for folder in (path.parent, path.parent.parent)):
            return False
        with Image.open(path, formats=["PNG"]) as image:
            return MADE_BY.items() <= image.info.items()

    return OutputKind(".png", command, is_own)


def check_output(out: str | Path, kind: OutputKind) -> None:
    """Refuses the name of an output that cannot be written or would replace another file.

    An empty file, and one that the same command wrote before, may be replaced.

    Raises:
        InputError: another ending, a place that cannot be written, or a file of another origin.
    """
    path = Path(out)
    if path.suffix.lower() != kind.ending:
        raise InputError(
            f"Expected out to end in {kind.ending}; received {out}. Name it "
            f"{path.stem}{kind.ending}."
        )
    check_writable(path)
    if path.exists() and path.stat().st_size and not _is_own(path, kind):
        raise InputError(
            f"Expected out to be a new file, or one that `tl-keras {kind.command}` wrote; received "
            f"{out}, which is another. It was not changed. Remove it or choose another --out."
        )


def check_writable(path: Path) -> None:
    """Refuses a path at which no file could be made, in a folder that is there or not yet."""
    try:
        if path.is_dir():
            raise IsADirectoryError(None, "it is a folder")
        folder = next(parent for parent in path.parents if parent.exists())
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(
            f"Expected to be able to write {path}; received {error.strerror or error}. Nothing was "
            "changed. Choose another --out."
        ) from error


def _is_own(path, kind):
    try:
        return kind.is_own(path)
    except Exception:  # readers raise a dozen kinds of error on another format
        return False
