"""Names of classes, typed or found as folders."""

import os
from collections.abc import Iterable

from tl_keras.checks import InputError
from tl_keras.data.images import printable
from tl_keras.data.sources.folders import labels_by_folder
from tl_keras.data.sources.label_rows import NONE_OF_THESE

_LONGEST = 300


def checked_name(name: object, known: Iterable[str] = ()) -> str:
    """Returns the name of a new class without spaces around it.

    Raises:
        InputError: it is empty, too long, unprintable, of another meaning, or known.
    """
    if not isinstance(name, str) or not name.strip():
        raise InputError("Expected a name for the class; received none. Type one.")
    name = name.strip()
    if len(name) > _LONGEST or not name.isprintable():
        raise InputError(
            f"Expected a name of at most {_LONGEST} printable characters; received {len(name)}: "
            f"{printable(name[:40])}. Type another."
        )
    if name.casefold() == NONE_OF_THESE:
        raise InputError(
            f"Expected the name of a class; received {name!r}, which images get that belong to "
            "none. Type another."
        )
    if name in known:
        raise InputError(f"Expected the name of a new class; received {name!r}, which is there.")
    return name


def names_of_folders(paths: list[str], folder: str) -> dict[str, str]:
    """Returns {path: name of its class folder}; {} without two such folders."""
    inside = [path for path in paths if os.path.dirname(os.path.relpath(path, folder))]
    labels, names = labels_by_folder(inside, folder) if inside else (None, ())
    if labels is None:
        return {}
    named = zip(inside, (names[label].strip() for label in labels), strict=True)
    return {path: name for path, name in named if name.casefold() != NONE_OF_THESE}
