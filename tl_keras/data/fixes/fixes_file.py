"""The file fixes.csv: corrections of images, each with path and content.

Its first row names the data. Remove a row, or the file, and the correction is gone: images and
folders are never changed.
"""

import csv
import hashlib
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tl_keras.checks import InputError, check_choice
from tl_keras.data.images import printable
from tl_keras.files import unescape_controls, write_csv

DROP, RELABEL, KEEP, GROUP = ACTIONS = ("drop", "relabel", "keep", "group")
COLUMNS = ("path", "digest", "action", "old", "new", "reason")
SAME_AS = "the same image as "  # begins the reason for leaving out one of equal images
_DATA = "data"  # action of the first row


class Fix(NamedTuple):
    """Correction of one image.

    Attributes:
        path: below the source, or row in an array.
        digest: hash of the pixels in hexadecimal digits; of a file that cannot be read, of its
            bytes.
        action: "drop" leaves the image out. "relabel" gives it the class `new`. "group" keeps it
            in one split with all of the group `new`. "keep" says that it is right as it is.
        old: its class; "" for none.
        new: class or group; "" otherwise.
        reason: text.
    """

    path: str
    digest: str
    action: str
    old: str = ""
    new: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Fixes:
    """Content of a fixes.csv.

    Attributes:
        fixes: tuple of `Fix`.
        source: name of the data.
        file: path of the file.
    """

    fixes: tuple[Fix, ...]
    source: str
    file: str = ""


def file_digest(path: str) -> str:
    """Returns the hash of a file's bytes, for one that cannot be decoded; "" if it is gone."""
    digest = hashlib.blake2b(digest_size=16)
    try:
        with open(path, "rb") as file:
            while block := file.read(2**20):
                digest.update(block)
    except OSError:
        return ""
    return digest.hexdigest()


def write_fixes(path: str | Path, fixes: Sequence[Fix], source: str) -> None:
    """Writes a fixes.csv, whole or not at all."""
    data = Fix(source, "", _DATA, reason=f"{len(fixes)} fixes of these data")
    write_csv(path, COLUMNS, [data, *fixes])


def read_fixes(path: str | Path) -> Fixes:
    """Reads a fixes.csv.

    Raises:
        InputError: the file cannot be read or is not of this form.
    """
    name = os.fspath(path)
    try:
        with open(name, encoding="utf-8-sig", newline="") as file:  # as spreadsheets save it too
            text = file.read()
        separator = ";" if text.startswith(";".join(COLUMNS)) else ","
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    except (OSError, UnicodeError, csv.Error) as error:
        raise InputError(
            f"Expected fixes.csv of `tl-keras check`; received {printable(name)}, which cannot be "
            f"read ({getattr(error, 'strerror', None) or error}). Give the file that it wrote."
        ) from error
    head, *rest = rows or [[]]
    if tuple(head) != COLUMNS or not rest or len(rest[0]) != len(COLUMNS) or rest[0][2] != _DATA:
        raise InputError(
            f"Expected the columns {','.join(COLUMNS)} and then a row that names the data, as "
            f"`tl-keras check` writes them; received {printable(name)} with {','.join(head)!r}."
        )
    fixes = tuple(_fix(row, name, number) for number, row in enumerate(rest[1:], 3) if row)
    return Fixes(fixes, unescape_controls(rest[0][0]), name)


def _fix(row, name, number):
    if len(row) != len(COLUMNS):
        raise InputError(
            f"Expected {len(COLUMNS)} cells in line {number} of {printable(name)}; received "
            f"{len(row)}. Repair the line or remove it."
        )
    fix = Fix(*map(unescape_controls, row))
    check_choice(f"action in line {number} of {printable(name)}", fix.action, ACTIONS)
    return fix
