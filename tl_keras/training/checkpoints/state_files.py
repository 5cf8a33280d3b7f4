"""Files of states: each is whole or absent, and a damaged one is left out.

NAME.state holds numbers and arrays. NAME.json is written last, with the size and the hash of it, so
a state without it was not finished.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from tl_keras.files import read_json, replacing, write_json

_TUPLE, _DICT, _ARRAY = "tuple", "dict", "array"


def write_state(path: Path, state: Any, facts: dict) -> None:
    """Writes a state and, last, its facts.

    Args:
        path: without suffix.
        state: numbers, texts, None and arrays in dicts with texts as keys, lists and tuples.
        facts: dict for the file beside it.
    """
    arrays: list[np.ndarray] = []
    structure = _packed(state, arrays)
    shapes = [(array.dtype.name, array.shape) for array in arrays]
    head = json.dumps({"structure": structure, "arrays": shapes}).encode() + b"\n"
    digest = hashlib.sha256()
    with replacing(path.with_suffix(".state")) as temporary, open(temporary, "wb") as file:
        for part in (head, *map(_bytes, arrays)):
            digest.update(part)
            file.write(part)
        size = file.tell()
    hashed = {"bytes": size, "sha256": digest.hexdigest()}
    write_json(path.with_suffix(".json"), facts | hashed)


def read_state(path: Path) -> tuple[Any, dict] | None:
    """Returns (state, facts) as they were written; None for one that is damaged or incomplete."""
    try:
        facts = read_json(path.with_suffix(".json"), "bytes", "sha256")
        content = path.with_suffix(".state").read_bytes()
    except (OSError, ValueError):
        return None
    whole = len(content) == facts["bytes"]
    if not whole or hashlib.sha256(content).hexdigest() != facts["sha256"]:
        return None
    head, _, data = content.partition(b"\n")
    described = json.loads(head)
    arrays, start = [], 0
    for name, shape in described["arrays"]:
        array = np.ndarray(shape, _dtype(name), data, start).copy()
        start += array.nbytes
        arrays.append(array)
    return _unpacked(described["structure"], arrays), facts


def remove_state(path: Path) -> None:
    """Removes a state, its facts first."""
    for suffix in (".json", ".state"):
        path.with_suffix(suffix).unlink(missing_ok=True)


def _bytes(array):
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def _dtype(name):
    return np.dtype(getattr(ml_dtypes, name, name))


def _packed(value, arrays):
    if value is None or isinstance(value, bool | int | float | str):
        # NumPy's float64 is a Python float too, and JSON keeps every digit of it.
        return value
    if isinstance(value, list):
        return [_packed(part, arrays) for part in value]
    if isinstance(value, tuple):
        return {_TUPLE: [_packed(part, arrays) for part in value]}
    if isinstance(value, dict):
        return {_DICT: {name: _packed(part, arrays) for name, part in value.items()}}
    if isinstance(value, np.ndarray | np.generic):
        arrays.append(np.asarray(value))
        return {_ARRAY: len(arrays) - 1}
    raise TypeError(f"A checkpoint cannot hold {type(value).__name__}.")


def _unpacked(value, arrays):
    if isinstance(value, list):
        return [_unpacked(part, arrays) for part in value]
    if not isinstance(value, dict):
        return value
    [(kind, content)] = value.items()
    if kind == _ARRAY:
        return arrays[content]
    if kind == _TUPLE:
        return tuple(_unpacked(part, arrays) for part in content)
    return {name: _unpacked(part, arrays) for name, part in content.items()}
