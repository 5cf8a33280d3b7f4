"""Run folder with the labels of a folder of images."""

import itertools
import os
from collections.abc import Sequence
from pathlib import Path

from tl_keras.checks import InputError
from tl_keras.data.sources.label_rows import NONE_OF_THESE, LabelRows, read_label_rows
from tl_keras.files import read_json, write_json
from tl_keras.jobs.runs.writing.run_folder import RunFolder

LABELS, CLASSES = "labels.csv", "classes.json"


def label_folder(data: str, out: str | None) -> RunFolder:
    """Returns the run folder for labels of `data`, new or to go on with.

    Args:
        data: folder of images.
        out: path. None for runs/label-DATA, with a number if that has labels of other data.
    """
    if out is None:
        name = Path(os.path.abspath(data)).name
        plain = "".join(c if c.isalnum() or c in "._" else "-" for c in name)
        paths = (Path("runs") / f"label-{plain}{end}" for end in _ends())
        out = next(path for path in paths if not path.exists() or _is_of(path, data))
    path = Path(out)
    continues = read_json(path / "config.json") if _is_of(path, data) else None
    return RunFolder(path, continues=continues)


def kept_class_names(path: Path, rows: LabelRows, given: Sequence[str]) -> list[str]:
    """Returns the classes of a run folder, which it keeps in this order from now on.

    First come those kept before, then `given`, then those that only labels have.
    """
    kept = path / CLASSES
    names = read_json(kept, "class_names")["class_names"] if kept.exists() else []
    labels = (row.label for row in rows.last.values())
    names = [n for n in dict.fromkeys([*names, *given, *labels]) if n != NONE_OF_THESE]
    keep_class_names(path, names)
    return names


def keep_class_names(path: Path, names: Sequence[str]) -> None:
    """Writes the classes of a run folder."""
    write_json(path / CLASSES, {"class_names": list(names)})


def _ends():
    return itertools.chain([""], (f"-{number}" for number in itertools.count(2)))


def _is_of(path, data):
    """Returns whether a run folder holds labels of `data`."""
    labels, config = path / LABELS, path / "config.json"
    if not (labels.is_file() and config.is_file()):
        return False
    try:
        folder = read_label_rows(labels).folder
    except InputError:
        return False
    return os.path.exists(folder) and os.path.samefile(folder, data)
