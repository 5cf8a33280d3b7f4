"""Large arrays in memory or, above a stated size, memory-mapped on disk."""

import math
import mmap
import os
import tempfile

import numpy as np

from tl_keras.checks import InputError, check_choice

MEMORY_LIMIT_BYTES = 2 * 2**30
STORES = ("auto", "memory", "disk")


def allocate(shape, dtype, store="auto"):
    """Returns a writable array of `shape` with any content.

    On disk it lies in a nameless temporary file (in the folder that TMPDIR names), which vanishes
    with the array even if the process is killed.

    Args:
        shape: tuple of ints.
        dtype: NumPy dtype.
        store: "memory", "disk", or "auto": disk above `MEMORY_LIMIT_BYTES` (2 GiB).

    Raises:
        InputError: the disk has too little room.
    """
    check_choice("store", store, STORES)
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if store == "memory" or (store == "auto" and size <= MEMORY_LIMIT_BYTES) or size == 0:
        return np.empty(shape, dtype)
    try:
        with tempfile.TemporaryFile(prefix="tl_keras-") as file:
            # Reserved at once: a sparse file on a full disk would kill the process by SIGBUS.
            os.posix_fallocate(file.fileno(), 0, size)
            return np.memmap(file, dtype, "r+", shape=shape)
    except OSError as error:
        raise InputError(
            f"Expected {size / 2**30:.1f} GiB free in {tempfile.gettempdir()} for cached arrays; "
            f"received {error.strerror}. Free some space, set TMPDIR, choose a smaller image_size "
            "or cache='none'."
        ) from error


def release_pages(array):
    """Lets the system take back the memory that touching a memory-mapped array took.

    Nothing is lost, the pages are in the file. Without it the process grows to the file's size.
    """
    mapped = getattr(array, "_mmap", None)
    if mapped is not None:
        mapped.madvise(mmap.MADV_DONTNEED)
