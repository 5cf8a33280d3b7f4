"""Room for cached images and features, and the choice of what fits into it."""

import dataclasses
import math
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tl_keras.data.array_store import MEMORY_LIMIT_BYTES, Limits, in_bytes, room_left, room_taken
from tl_keras.progress import say
from tl_keras.settings.fine_tune import FineTuneSettings
from tl_keras.training.distribution.several_machines import from_chief
from tl_keras.training.step_memory import free_memory

_MOUNTS = Path("/proc/mounts")
_IN_MEMORY = ("tmpfs", "ramfs")
_BYTES = {"float32": 4, "float16": 2}


@dataclasses.dataclass(frozen=True)
class CacheWay:
    """Form in which features of the frozen part are kept.

    Attributes:
        views: versions of each training image.
        dtype: "float32" or "float16".
        store: "memory" or "disk".
    """

    views: int
    dtype: str
    store: str


def cache_limits(cache_gb: float | None = None, cache: str = "auto") -> Limits:
    """Returns the `Limits` for all that is cached, including what is cached already.

    A quarter of the free memory, 2 GiB at most, and half of the free disk. With cache="memory" it
    is half of the free memory, with cache_gb that and nine tenths of the disk. Room in a temporary
    folder that lies in memory is no further room.

    Args:
        cache_gb: gigabytes in memory and on disk together; None for those shares alone.
        cache: as in `fine_tune`.
    """
    taken, free = room_taken(), free_memory()
    free = 4 * MEMORY_LIMIT_BYTES if free is None else free + taken["memory"]
    folder = tempfile.gettempdir()
    disk = 0 if _is_in_memory(folder) else shutil.disk_usage(folder).free + taken["disk"]
    if cache_gb is not None:
        total = int(cache_gb * 1e9)
        return Limits(min(free // 2, total), min(int(0.9 * disk), total), total)
    asked = cache == "memory"
    return Limits(free // 2 if asked else min(MEMORY_LIMIT_BYTES, free // 4), disk // 2)


def _is_in_memory(folder):
    """Tells whether the file system of a folder lies in memory."""
    if not _MOUNTS.is_file():
        return False
    folder, found = os.path.realpath(folder), ("", "")
    for line in _MOUNTS.read_text().splitlines():
        _, place, kind, *_ = line.split()
        inside = os.path.commonpath([folder, place]) == place
        if inside and len(place) >= len(found[0]):  # the last mount of a place counts
            found = place, kind
    return found[1] in _IN_MEMORY


def choose_cache(
    outputs: Sequence[tuple[int, ...]], train: int, val: int, views: int, settings: FineTuneSettings
) -> CacheWay | None:
    """Chooses views, dtype and place of cached features and prints the choice.

    All views that are wanted, in float32 if they fit, else in float16, else as many as fit. Returns
    None where not even one fits.

    Args:
        outputs: shapes of the outputs of the frozen part for an image.
        val: number of validation images times their views.
        views: those wanted of each training image.
        settings: `FineTuneSettings`. `cache` may name the place and `cache_dtype` the type.
    """
    numbers = sum(math.prod(shape) for shape in outputs)
    best = fitting_cache(numbers, train, val, views, settings)
    best = CacheWay(**from_chief(dataclasses.asdict(best)))
    left = max(room_left()[place] for place in _places(settings))
    _tell(best, numbers, train, val, views, left)
    return best if best.views else None


def fitting_cache(
    numbers: int, train: int, val: int, views: int, settings: FineTuneSettings
) -> CacheWay:
    """Returns the best way for which there is room, with 0 views where not even one fits.

    Args:
        numbers: those that the frozen part computes for an image.
        train, val, views, settings: see `choose_cache`.
    """
    dtypes = [settings.cache_dtype] if settings.cache_dtype else list(_BYTES)
    left, ways = room_left(), []
    for dtype in dtypes:
        one = numbers * _BYTES[dtype]
        for place in _places(settings):
            fitting = min(views, (left[place] - val * one) / (train * one))
            ways.append(CacheWay(int(max(fitting, 0)), dtype, place))
    return max(ways, key=lambda way: way.views)  # the first of several


def _places(settings):
    return ("memory", "disk") if settings.cache == "auto" else (settings.cache,)


def _tell(way, numbers, train, val, wanted, left):
    size = in_bytes(numbers * _BYTES[way.dtype] * (way.views * train + val))
    room = f"{in_bytes(left)} may be taken" if math.isfinite(left) else "no limit"
    if way.views:
        count = f"{way.views} of {wanted} views" if way.views < wanted else f"{wanted} views"
        place = {"memory": "in memory", "disk": "on disk"}[way.store]
        say(f"Feature cache: {count}, {way.dtype}, {place}, {size}; {room}.")
        return
    one = in_bytes(numbers * _BYTES[way.dtype] * (train + val))
    say(
        f"Feature cache: none, one view takes {one} and {room}. The frozen part runs anew "
        "in each epoch, which is slower; a larger --cache-gb or more free disk avoids it."
    )
