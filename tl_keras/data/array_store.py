"""Large arrays in memory or, above a given size, memory-mapped on disk."""

import contextlib
import dataclasses
import gc
import math
import mmap
import os
import tempfile
import weakref
from collections.abc import Iterator
from typing import Protocol

import numpy as np

from tl_keras.checks import InputError, check_choice

MEMORY_LIMIT_BYTES = 2 * 2**30
_RELEASE_EVERY = 256  # rows written
STORES = ("auto", "memory", "disk")


@dataclasses.dataclass(frozen=True)
class Limits:
    """Limits in bytes on the total size of all arrays of `allocate`.

    Attributes:
        memory, disk: limit for each place. None: `MEMORY_LIMIT_BYTES` (2 GiB) in memory, all free
            space on disk.
        total: limit for both together; None for no further limit.
    """

    memory: int | None = None
    disk: int | None = None
    total: int | None = None


_limits = Limits()
_taken = {"memory": 0, "disk": 0}
_lenders = weakref.WeakSet()


class Lender(Protocol):
    """Holder of arrays that can be computed again, such as decoded images."""

    def give_up(self) -> None:
        """Lets go of its arrays."""


def lend(holder: Lender) -> None:
    """Lets `need_room` take the room of the arrays of `holder` for others."""
    _lenders.add(holder)


@contextlib.contextmanager
def limited_to(limits: Limits) -> Iterator[None]:
    """Context manager that applies `Limits` to arrays allocated within it."""
    global _limits
    before, _limits = _limits, limits
    try:
        yield
    finally:
        _limits = before


def room_left() -> dict[str, float]:
    """Returns {"memory": bytes, "disk": bytes} still available to arrays; infinity for no limit."""
    total = math.inf if _limits.total is None else _limits.total
    memory = MEMORY_LIMIT_BYTES if _limits.memory is None else _limits.memory
    disk = math.inf if _limits.disk is None else _limits.disk
    left = total - sum(_taken.values())
    return {
        "memory": max(min(memory - _taken["memory"], left), 0),
        "disk": max(min(disk - _taken["disk"], left), 0),
    }


def room_taken() -> dict[str, int]:
    """Returns {"memory": bytes, "disk": bytes} currently taken by arrays."""
    return dict(_taken)


def place_for(size: int, store: str = "auto") -> str | None:
    """Returns "memory" or "disk", whichever has room for an array of `size` bytes, or None.

    Args:
        size: bytes.
        store: see `allocate`. A place given by name has room up to its limit, if one is set.
    """
    check_choice("store", store, STORES)
    left = room_left()
    if store == "memory" and _limits.memory is None and _limits.total is None:
        return store
    return next((place for place in _places(store) if size <= left[place]), None)


def _places(store):
    return ("memory", "disk") if store == "auto" else (store,)


def need_room(size: int, store: str = "auto", what: str = "cached arrays") -> str:
    """Returns the place for an array; decoded images give up their room where there is no other.

    Args:
        size, store: see `place_for`.
        what: the array, for the message.

    Raises:
        InputError: there is too little room even so.
    """
    place = place_for(size, store)
    if place is None and len(_lenders):
        for lender in list(_lenders):
            lender.give_up()
        gc.collect()  # an array may be part of a cycle
        place = place_for(size, store)
    if place is None:
        free, where = room_left(), {"memory": "in memory", "disk": "on disk"}
        left = " and ".join(f"{in_bytes(free[place])} {where[place]}" for place in _places(store))
        raise InputError(
            f"Expected room for {in_bytes(size)} of {what}; received {left}, which is all that is "
            "left. Give a larger cache_gb (--cache-gb), a smaller image_size or fewer images, free "
            "some space, or set TMPDIR."
        )
    return place


def in_bytes(size: float) -> str:
    """Returns a number of bytes in words, such as "81.9 kB"."""
    units = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
    fitting = ((one, name) for one, name in units if size >= one)
    one, name = next(fitting, (None, None))
    return f"{size / one:.1f} {name}" if one else f"{size:.0f} bytes"


def allocate(shape: tuple[int, ...], dtype: np.typing.DTypeLike, store: str = "auto") -> np.ndarray:
    """Returns an uninitialised writable array of `shape`.

    On disk the array lies in an unnamed temporary file, in the folder given by TMPDIR. The file
    disappears with the array, even if the process is killed.

    Args:
        shape: tuple of ints.
        dtype: NumPy dtype.
        store: "memory", "disk" or "auto" (disk if there is no room in memory, see `Limits`).

    Raises:
        InputError: there is too little room, see `need_room`.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    place = need_room(size, store)
    in_memory = place == "memory" or size == 0
    array = np.empty(shape, dtype) if in_memory else _on_disk(shape, dtype, size)
    _taken[place] += size
    weakref.finalize(array, _give_back, place, size).atexit = False
    return array


def _give_back(place, size):
    _taken[place] -= size


def _on_disk(shape, dtype, size):
    try:
        with tempfile.TemporaryFile(prefix="tl_keras-") as file:
            # Reserved at once: a sparse file on a full disk would kill the process by SIGBUS.
            os.posix_fallocate(file.fileno(), 0, size)
            return np.memmap(file, dtype, "r+", shape=shape)
    except OSError as error:
        raise InputError(
            f"Expected {in_bytes(size)} free in {tempfile.gettempdir()} for cached arrays; "
            f"received {error.strerror}. Free some space, set TMPDIR, choose a smaller image_size "
            "or cache='none'."
        ) from error


def put_row(array: np.ndarray, row: int, value: np.ndarray) -> None:
    """Writes one row of an array of `allocate`, from any thread, in bounded memory."""
    array[row] = value
    if row % _RELEASE_EVERY == 0:
        release_pages(array)


def release_pages(array: np.ndarray) -> None:
    """Lets the operating system reclaim the memory used by reading a memory-mapped array.

    The data stay in the file. Without this call the process grows to the size of the file.
    """
    mapped = getattr(array, "_mmap", None)
    if mapped is not None:
        mapped.madvise(mmap.MADV_DONTNEED)
