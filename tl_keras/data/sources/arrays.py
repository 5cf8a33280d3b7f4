"""Reading of .npy and .npz files that may be damaged or hostile."""

import math
import os
import zipfile
import zlib
from pathlib import Path

import numpy as np

from tl_keras.checks import InputError
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.images import printable

MAX_UNPACKED_BYTES = 8 * 2**30
_SPLIT_KEYS = {split: (f"x_{split}", f"y_{split}") for split in ("train", "val", "test")}
_NPZ_KEYS = "x_train and y_train, with x_val, y_val, x_test and y_test if there are any; or x and y"
_DAMAGE = (OSError, ValueError, EOFError, RuntimeError, NotImplementedError, zlib.error)
_DAMAGE += (zipfile.BadZipFile, SyntaxError)


def read_npy(path: str | Path) -> np.ndarray:
    """Returns the array of a .npy file.

    The header is compared with the file size before memory is allocated.

    Raises:
        InputError: the file is damaged, truncated or holds pickled objects.
    """
    with _refusing_damage(path), open(path, "rb") as file:
        _check_header(file, os.path.getsize(path), printable(path))
        file.seek(0)
        return np.lib.format.read_array(file, allow_pickle=False)


def read_npz(path: str | Path) -> dict[str, ImageDataset]:
    """Returns {"all": dataset} or {"train": dataset, ...} from a .npz file.

    Args:
        path: file with x and y, or with x_train, y_train and the same for val and test. Labels may
            be absent from all of them.

    Raises:
        InputError: the file is damaged, unpacks to more than `MAX_UNPACKED_BYTES`, or holds pickled
            objects or other names.
    """
    arrays = _read_members(path)
    if "x" in arrays:
        keys = {"all": ("x", "y")}
    elif "x_train" in arrays:
        keys = {split: pair for split, pair in _SPLIT_KEYS.items() if pair[0] in arrays}
    else:
        found = ", ".join(_member_names(path)) or "none"
        raise InputError(
            f"Expected {printable(path)} to hold the arrays {_NPZ_KEYS}; received {found}."
        )
    labels = [arrays[y] for _, y in keys.values() if y in arrays]
    if labels and len(labels) < len(keys):
        raise InputError(
            f"Expected labels for each of {', '.join(x for x, _ in keys.values())} in "
            f"{printable(path)}, or for none; received {len(labels)} label arrays."
        )
    return _datasets(path, arrays, keys)


def _datasets(path, arrays, keys):
    source = os.fspath(path)
    parts = {
        split: ImageDataset.from_arrays(arrays[x], arrays.get(y), split=split, source=source)
        for split, (x, y) in keys.items()
    }
    shapes = {part.images.shape[1:] for part in parts.values()}
    if len(shapes) > 1:
        raise InputError(
            f"Expected images of one shape in {printable(path)}; received "
            f"{' and '.join(map(str, sorted(shapes)))}."
        )
    # The split with the highest label knows all classes.
    names = max((part.class_names for part in parts.values()), key=len)
    return {
        split: ImageDataset(part.images, part.labels, names, split, source)
        for split, part in parts.items()
    }


def _read_members(path):
    wanted = {"x", "y"}.union(*_SPLIT_KEYS.values())
    arrays = {}
    with _refusing_damage(path), zipfile.ZipFile(path) as archive:
        members = [info for info in archive.infolist() if _key(info) in wanted]
        unpacked = sum(info.file_size for info in members)
        if unpacked > MAX_UNPACKED_BYTES:
            raise InputError(
                f"Expected {printable(path)} to unpack to at most {MAX_UNPACKED_BYTES / 2**30:g} "
                f"GiB; received {unpacked / 2**30:.1f} GiB. Save it as .npy or split it."
            )
        for info in members:
            with archive.open(info) as file:
                _check_header(file, info.file_size, f"{printable(path)} ({_key(info)})")
            with archive.open(info) as file:
                arrays[_key(info)] = np.lib.format.read_array(file, allow_pickle=False)
    return arrays


def _member_names(path):
    with zipfile.ZipFile(path) as archive:
        return [printable(_key(info)) for info in archive.infolist()]


def _key(info):
    return info.filename.removesuffix(".npy")


def _check_header(file, size, name):
    """Refuses pickled objects, and a declared shape that exceeds `size` bytes."""
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    elif version == (2, 0):
        shape, _, dtype = np.lib.format.read_array_header_2_0(file)
    else:
        raise ValueError(f"version {version} of the format, which plain arrays do not use")
    if dtype.hasobject:
        raise InputError(
            f"Expected {name} to hold numbers; received pickled Python objects, which can run "
            "code when loaded. Save it again as an array of uint8."
        )
    declared = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or declared > size - file.tell():
        raise InputError(
            f"Expected {name} to be whole; received a header of shape {shape} and type {dtype}, "
            f"{declared:,} bytes, in a file with {size - file.tell():,}. Copy or save it again."
        )


class _refusing_damage:  # noqa: N801 - reads as a phrase after "with"
    """Turns errors of NumPy and zipfile on a damaged file into one InputError."""

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if isinstance(error, _DAMAGE) and not isinstance(error, InputError):
            reason = " ".join(str(getattr(error, "strerror", None) or error).split())
            raise InputError(
                f"Expected a whole .npy or .npz file; received {printable(self.path)}: {reason}."
            ) from error
