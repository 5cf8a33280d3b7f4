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
    limited_to,
    place_for,
    release_pages,
    room_left,
    room_taken,
)


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
        with pytest.raises(InputError, match="room for 0.0 GB .* Give a larger cache_gb"):
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
    assert f"Expected 3.0 GiB free in {tmp_path}" in message
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
