"""Large arrays in memory or on disk."""

import errno
import os
import tempfile

import numpy as np
import pytest

from tl_keras.checks import InputError
from tl_keras.data import array_store
from tl_keras.data.array_store import (
    Limits,
    allocate,
    in_bytes,
    lend,
    limited_to,
    need_room,
    place_for,
    release_pages,
    room_left,
    room_taken,
)

pytestmark = pytest.mark.usefixtures("others_keep_their_room")


@pytest.mark.parametrize("store", ["memory", "disk", "auto"])
def test_array_has_its_shape_and_can_be_written(store):
    array = allocate((3, 4, 5), np.float32, store)
    array[:] = 7
    assert array.shape == (3, 4, 5)
    assert array.dtype == np.float32
    assert array.sum() == 420


def test_auto_goes_to_disk_above_the_limit_only(monkeypatch):
    monkeypatch.setattr(array_store, "MEMORY_LIMIT_BYTES", room_taken()["memory"] + 40)
    assert not isinstance(allocate((10,), np.float32), np.memmap)
    assert isinstance(allocate((11,), np.float32), np.memmap)
    assert not isinstance(allocate((11,), np.float32, "memory"), np.memmap)


def test_the_limit_is_for_all_arrays_together_and_what_is_gone_counts_no_more():
    taken = room_taken()
    with limited_to(Limits(taken["memory"] + 40, taken["disk"] + 40)):
        first = allocate((6,), np.float32)
        second = allocate((6,), np.float32)
        assert not isinstance(first, np.memmap) and isinstance(second, np.memmap)
        with pytest.raises(
            InputError,
            match="room for 24 bytes of .* Give a larger cache_gb",
        ):
            allocate((6,), np.float32)
        view = second[:2]
        del first, second
        assert room_left() == {"memory": 40, "disk": 16}
        assert not isinstance(allocate((6,), np.float32), np.memmap)
        del view
    assert room_taken() == taken


def test_a_total_counts_both_places():
    with limited_to(Limits(10**9, 10**9, sum(room_taken().values()) + 40)):
        kept = allocate((30,), np.uint8, "disk")
        assert room_left() == {"memory": 10, "disk": 10}
        assert place_for(11) is None and place_for(10) == "memory"
        assert place_for(10, "disk") == "disk" and place_for(11, "memory") is None
    assert kept.nbytes == 30


class Holder:
    """Holds arrays that can be computed again."""

    def __init__(self, *arrays):
        self.arrays = list(arrays)
        lend(self)

    def give_up(self):
        self.arrays.clear()


def test_arrays_that_can_be_computed_again_give_up_their_room_only_where_there_is_no_other():
    taken = sum(room_taken().values())
    with limited_to(Limits(10**9, 0, taken + 100)):
        holder = Holder(allocate((60,), np.uint8))
        holder.arrays.append([holder.arrays])  # a cycle
        assert allocate((40,), np.uint8).nbytes == 40 and holder.arrays
        assert allocate((41,), np.uint8).nbytes == 41 and not holder.arrays
        assert sum(room_taken().values()) == taken


def test_too_little_room_is_said_with_the_places_that_were_asked_for():
    taken = room_taken()
    with limited_to(Limits(taken["memory"] + 40, taken["disk"] + 2000)):
        both = "room for 81.9 kB of features; received 40 bytes in memory and 2.0 kB on disk"
        with pytest.raises(InputError, match=f"{both}.* larger cache_gb \\(--cache-gb\\)"):
            need_room(81_920, what="features")
        with pytest.raises(InputError, match="81.9 kB of cached arrays; received 2.0 kB on disk,"):
            need_room(81_920, "disk")
        assert need_room(41) == "disk"


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (2.5e6, "2.5 MB"), (3e9, "3.0 GB")],
)
def test_sizes_have_a_unit_in_which_they_are_no_zero(size, words):
    assert in_bytes(size) == words


def test_disk_array_lies_in_no_file_with_a_name(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    array = allocate((100,), np.uint8, "disk")
    assert isinstance(array, np.memmap)
    assert not list(tmp_path.iterdir())


def test_empty_array_needs_no_disk():
    assert allocate((0, 8), np.uint8, "disk").shape == (0, 8)


@pytest.mark.fault(37)
def test_disk_too_small_is_said_before_anything_is_written(monkeypatch, tmp_path):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(InputError) as refused:
        allocate((2**30, 3), np.uint8, "disk")
    message = str(refused.value)
    assert f"Expected 3.2 GB free in {tmp_path}" in message
    assert "received No space left on device. Free some space, set TMPDIR" in message


def test_unknown_store_is_refused():
    with pytest.raises(InputError, match="store to be one of disk, .*received store='disc'"):
        allocate((1,), np.uint8, "disc")


def test_released_pages_keep_their_content():
    array = allocate((1000,), np.int64, "disk")
    array[:] = np.arange(1000)
    release_pages(array)
    np.testing.assert_array_equal(array, np.arange(1000))


def test_array_in_memory_is_released_without_a_change():
    array = np.arange(5)
    release_pages(array)
    np.testing.assert_array_equal(array, np.arange(5))
