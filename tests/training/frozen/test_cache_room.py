"""Cached features within a stated room."""

import collections

import numpy as np
import pytest

from tests.training.small_models import coloured_images, small_classifier
from tl_keras import fine_tune
from tl_keras.data.array_store import MEMORY_LIMIT_BYTES, Limits, limited_to, room_taken
from tl_keras.settings.fine_tune import FineTuneSettings
from tl_keras.training.frozen import cache_room
from tl_keras.training.frozen.cache_room import CacheWay, cache_limits, choose_cache

GB = 10**9
Usage = collections.namedtuple("Usage", "free")
SHAPES = [(5, 5, 10)]  # 1,000 bytes an image in float32


@pytest.fixture
def machine(monkeypatch):
    """A machine with 40 GB of memory and 100 GB of disk free."""
    taken = room_taken()
    monkeypatch.setattr(cache_room, "free_memory", lambda: 40 * GB - taken["memory"])
    free = Usage(100 * GB - taken["disk"])
    monkeypatch.setattr(cache_room.shutil, "disk_usage", lambda _: free)
    monkeypatch.setattr(cache_room, "_is_in_memory", lambda _: False)


def chosen(memory, disk, views=8, **settings):
    """The way for 100 training and 20 validation images where so many bytes are left."""
    taken = room_taken()
    with limited_to(Limits(taken["memory"] + memory, taken["disk"] + disk)):
        return choose_cache(SHAPES, 100, 20, views, FineTuneSettings(**settings))


@pytest.mark.parametrize(
    ("left", "settings", "way"),
    [
        ((820_000, 0), {}, CacheWay(8, "float32", "memory")),
        ((819_999, 820_000), {}, CacheWay(8, "float32", "disk")),
        ((410_000, 410_000), {}, CacheWay(8, "float16", "memory")),
        ((100_000, 270_000), {}, CacheWay(5, "float16", "disk")),
        ((100_000, 270_000), {"cache_dtype": "float32"}, CacheWay(2, "float32", "disk")),
        ((520_000, 900_000), {"cache": "memory"}, CacheWay(8, "float16", "memory")),
        ((900_000, 520_000), {"cache": "disk"}, CacheWay(8, "float16", "disk")),
        ((59_999, 59_999), {}, None),
    ],
)
def test_as_many_views_as_there_is_room_for_the_exact_type_and_memory_first(left, settings, way):
    assert chosen(*left, **settings) == way


def test_what_was_chosen_is_said_in_one_line(capsys):
    chosen(100_000, 270_000_000, views=2)
    said = capsys.readouterr()
    assert "Feature cache: 2 views, float32, on disk" in said.out + said.err
    chosen(100, 100)
    said = capsys.readouterr()
    assert "Feature cache: none, one view takes" in said.out + said.err


def test_the_usual_limits_are_shares_of_what_is_free(machine, monkeypatch):
    assert cache_limits() == Limits(MEMORY_LIMIT_BYTES, 50 * GB)
    assert cache_limits(cache="memory") == Limits(20 * GB, 50 * GB)
    assert cache_limits(30) == Limits(20 * GB, 30 * GB, 30 * GB)
    assert cache_limits(300) == Limits(20 * GB, 90 * GB, 300 * GB)
    monkeypatch.setattr(cache_room, "free_memory", lambda: 4 * GB - room_taken()["memory"])
    assert cache_limits().memory == GB


def test_a_temporary_folder_in_memory_is_no_room(monkeypatch, tmp_path):
    mounts = tmp_path / "mounts"
    mounts.write_text(f"none / ext4 rw 0 0\nnone {tmp_path} tmpfs rw 0 0\n")
    monkeypatch.setattr(cache_room, "_MOUNTS", mounts)
    (tmp_path / "deep").mkdir()
    monkeypatch.setattr(cache_room.tempfile, "gettempdir", lambda: str(tmp_path / "deep"))
    assert cache_limits().disk == 0 and cache_limits(5).disk == 0
    mounts.write_text(f"none / tmpfs rw 0 0\nnone {tmp_path} ext4 rw 0 0\n")
    assert cache_limits().disk > 0


@pytest.mark.parametrize("freeze_epochs", [0, 1])
def test_training_without_room_equals_training_without_a_cache(capsys, freeze_epochs):
    train, val = coloured_images(16), coloured_images(8, seed=1)
    how = {"epochs": 2, "batch_size": 8, "lr": 0.01, "unfreeze": "from:high_conv", "seed": 2}
    how |= {"freeze_epochs": freeze_epochs, "augment": "flip"}
    found = []
    for room in ({"cache_gb": 1e-6}, {"cache": "none"}):
        model = small_classifier()
        fine_tune(model, train, val, **how, **room)
        found.append(model.get_weights())
    said = capsys.readouterr()
    assert "Feature cache: none" in said.out + said.err
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)
