"""Checks of HDF5 files: no links out of the file and no false sizes."""

from typing import Any

import h5py

from tl_keras.checks import InputError

_MOST_BYTES = 16 * 2**30
_MOST_EXPANSION = 100
_SMALL_BYTES = 2**20


def check_hdf5(file: Any, name: str | None = None) -> int:
    """Refuses an HDF5 file that points elsewhere or declares far more than it stores.

    Only headers are read. The first block declares the end of the file, so a truncated download is
    detected too.

    Args:
        file: path, or an open binary file.
        name: name in messages. Defaults to the path.

    Returns:
        int, bytes of all its arrays.

    Raises:
        InputError: the file is damaged or truncated, or declares over 16 GiB or 100 times its data.
            Or it has soft or external links, external or virtual storage, or a group inside itself.
    """
    name = file if name is None else name
    try:
        with h5py.File(file, "r") as root:
            declared = _check_group(root, name, seen=set())
    except (OSError, RuntimeError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"Expected a whole HDF5 file; received {name}: {reason}. Fetch or save it again."
        ) from error
    if declared > _MOST_BYTES:
        raise _refusal(name, f"declares {declared:,} bytes, over {_MOST_BYTES:,}")
    return declared


def _refusal(name, reason):
    return InputError(
        f"Expected an HDF5 file of plain arrays; received {name}, which {reason}. It was not read."
    )


def _check_group(group, name, seen):
    """Returns the bytes that the arrays below `group` declare."""
    address = h5py.h5o.get_info(group.id).addr
    if address in seen:
        raise _refusal(name, f"holds the group {group.name!r} twice")
    seen.add(address)
    declared = 0
    for key in group:
        link = group.get(key, getlink=True)
        if not isinstance(link, h5py.HardLink):
            raise _refusal(name, f"has a {type(link).__name__} at {group.name}/{key}")
        item = group[key]
        is_group = isinstance(item, h5py.Group)
        declared += _check_group(item, name, seen) if is_group else _check_item(item, name)
    return declared


def _check_item(item, name):
    if not isinstance(item, h5py.Dataset):
        raise _refusal(name, f"holds a {type(item).__name__} at {item.name}")
    if item.external or item.is_virtual:
        raise _refusal(name, f"keeps {item.name} in another file")
    if item.shape is None:
        return 0
    stored = item.id.get_storage_size()
    if item.nbytes > _SMALL_BYTES and item.nbytes > _MOST_EXPANSION * stored:
        raise _refusal(name, f"declares {item.nbytes:,} bytes at {item.name} and stores {stored:,}")
    return item.nbytes
