"""Whole-or-nothing file writing: a temporary name, flush to disk, rename."""

import codecs
import contextlib
import csv
import itertools
import json
import os
import re
import tempfile
import unicodedata
from pathlib import Path

from tl_keras.checks import InputError

PART = ".part-"  # prefix of files that are being written
_CONTROLS = ("Cc", "Cs", "Zl", "Zp")  # Unicode categories
_DIRECTIONS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_ESCAPE = re.compile(r"\\(?:\\|[nrt]|x[0-9a-f]{2}|u[0-9a-f]{4})")


@contextlib.contextmanager
def replacing(path):
    """Yields a temporary path beside `path` that becomes `path` only if the block succeeds.

    A crash, a full disk or an exception leaves whatever stood at `path` before. The temporary
    name keeps the suffix, because Keras chooses a format by it.

    Raises:
        InputError: the folder cannot be written or the disk is full.
    """
    path = Path(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=PART, suffix=path.name[-64:])
        os.close(handle)
        temporary = Path(name)
        yield temporary
        with open(temporary, "rb") as written:
            os.fsync(written.fileno())
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    except OSError as error:
        raise InputError(
            f"Expected to be able to write {path}; received {error.strerror or error}. "
            "What stood there before is unchanged. Free some space or choose another folder."
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def write_text(path, text):
    """Writes `text` to `path` as UTF-8, whole or not at all."""
    with replacing(path) as temporary:
        # Paths that are not valid Unicode arrive with surrogate escapes.
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_csv(path, header, rows):
    """Writes a table as CSV, whole or not at all; texts are written as `escape_controls` says.

    Args:
        path: str or Path.
        header: names of the columns.
        rows: any iterable; rows are written as they come.
    """
    with (
        replacing(path) as temporary,
        open(temporary, "w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        csv.writer(file).writerows(map(escape_cells, itertools.chain([header], rows)))


def escape_cells(row):
    """Returns the cells of a row of a table, the texts among them escaped."""
    return [escape_controls(cell) if isinstance(cell, str) else cell for cell in row]


def escape_controls(text):
    """Returns `text` without characters that could command a terminal or reverse its text.

    Control characters, line ends, bytes that are not UTF-8 and changes of the direction are escaped
    as in a Python string, such as `\\x1b`. A backslash becomes two. All other letters stay as they
    are. `unescape_controls` returns the original.
    """
    return "".join(
        c.encode("unicode_escape").decode("ascii")
        if c == "\\" or c in _DIRECTIONS or unicodedata.category(c) in _CONTROLS
        else c
        for c in text
    )


def unescape_controls(text):
    """Returns the text of which `escape_controls` made `text`."""
    return _ESCAPE.sub(lambda found: codecs.decode(found[0], "unicode_escape"), text)


def write_json(path, content):
    """Writes `content` to `path` as indented JSON, whole or not at all."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def read_json(path, *keys):
    """Returns the dict in a JSON file of this project, refused without one of `keys`."""
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"Expected a whole JSON file; received {path} ({error}).") from error
    if not keys and not isinstance(content, dict):
        raise InputError(
            f"Expected a JSON object in {path}; received {type(content).__name__}. It was changed "
            "since it was written: put it back."
        )
    missing = [key for key in keys if not isinstance(content, dict) or key not in content]
    if missing:
        raise InputError(
            f"Expected {path} as `tl-keras train` writes it; received one without "
            f"{', '.join(missing)}."
        )
    return content
