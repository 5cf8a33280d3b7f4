"""Shards hold the files byte by byte, in a random order, and a manifest that is written last."""

import json
from collections import Counter

import numpy as np
import pytest
import tensorflow as tf

from tl_keras import ImageDataset
from tl_keras.checks import InputError
from tl_keras.data.loading import load_unchecked
from tl_keras.data.shards.layout import MANIFEST
from tl_keras.data.shards.reading import read_shards
from tl_keras.data.shards.writing import write_shards


def _examples(folder):
    paths = sorted(str(path) for path in folder.glob("*.tfrecord"))
    for record in tf.data.TFRecordDataset(paths):
        yield tf.train.Example.FromString(record.numpy()).features.feature


def test_other_readers_find_the_files_in_the_records(photo_folder, packed):
    seen = Counter()
    for features in _examples(packed[0]):
        name = features["name"].bytes_list.value[0].decode()
        folder = features["class"].bytes_list.value[0].decode()
        assert name.startswith(f"{folder}/")
        assert features["label"].int64_list.value[0] == ("cats", "dögs").index(folder)
        assert features["image"].bytes_list.value[0] == (photo_folder / name).read_bytes()
        seen[name] += 1
    assert len(seen) == 40 and set(seen.values()) == {1}


def test_manifest_counts_images_and_bytes_of_each_shard(packed):
    manifest = json.loads((packed[0] / MANIFEST).read_text())
    assert manifest["splits"] == {"all": 40}
    assert manifest["class_names"] == ["cats", "dögs"]
    assert len(manifest["shards"]) > 2
    assert sum(shard["images"] for shard in manifest["shards"]) == 40
    for shard in manifest["shards"]:
        assert (packed[0] / shard["file"]).stat().st_size == shard["bytes"] <= 4000


def test_classes_are_mixed_within_a_shard(packed):
    labels = read_shards(str(packed[0]))["all"].labels
    assert 0 < labels[:10].sum() < 10


@pytest.mark.parametrize("on_bad_image", ["refuse", "skip"])
def test_unreadable_images_are_named_and_never_written(on_bad_image, photo_folder, tmp_path):
    source = tmp_path / "source"
    for path in photo_folder.rglob("*.*"):
        copy = source / path.relative_to(photo_folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    broken = source / "cats" / "image 1.jpg"
    broken.write_bytes(b"no image")
    parts, out = load_unchecked(str(source)).parts, tmp_path / "shards"
    if on_bad_image == "refuse":
        with pytest.raises(InputError, match=r"received 1 that cannot be read: .*image 1\.jpg"):
            write_shards(parts, out)
        assert not (out / MANIFEST).exists()
        return
    packed = write_shards(parts, out, on_bad_image="skip")
    assert packed.images == 39
    assert [path for path, _ in packed.bad] == [str(broken)]
    assert not any("cats/image 1.jpg" in name for name in read_shards(str(out))["all"].ids)


def test_grey_arrays_take_one_byte_per_pixel(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (30, 6, 6), np.uint8)
    dataset = ImageDataset.from_arrays(images, np.arange(30) % 3)
    write_shards({"all": dataset}, tmp_path / "shards")
    [found] = read_shards(str(tmp_path / "shards")).values()
    assert found.is_grayscale and found.images.shape == (30, 6, 6, 1)
    rows = [int(name) for name in found.images.names]
    np.testing.assert_array_equal(found.images.take(np.arange(30))[..., 0], images[rows])
    np.testing.assert_array_equal(found.labels, dataset.labels[rows])
    assert sorted(rows) == list(range(30)) != rows


def test_a_folder_that_holds_files_is_refused(photo_folder):
    with pytest.raises(InputError, match="new or empty folder for the shards"):
        write_shards(load_unchecked(str(photo_folder)).parts, photo_folder)


def test_a_packing_that_was_killed_is_begun_anew(photo_folder, packed, tmp_path):
    parts, out = load_unchecked(str(photo_folder)).parts, tmp_path / "shards"
    write_shards(parts, out, shard_mb=0.002)
    (out / ".part-x").touch()
    with pytest.raises(InputError, match="new or empty folder"):  # it has its manifest
        write_shards(parts, out, shard_mb=0.004)
    (out / MANIFEST).unlink()
    write_shards(parts, out, shard_mb=0.004)
    assert {path.name for path in out.iterdir()} == {path.name for path in packed[0].iterdir()}


def test_nothing_of_a_shard_stays_when_writing_fails(photo_folder, tmp_path, monkeypatch):
    parts, out = load_unchecked(str(photo_folder)).parts, tmp_path / "shards"
    monkeypatch.setattr("tl_keras.data.shards.writing._example", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_shards(parts, out)
    assert list(out.iterdir()) == []


def test_the_same_seed_gives_the_same_bytes(photo_folder, packed, tmp_path):
    parts = load_unchecked(str(photo_folder)).parts
    write_shards(parts, tmp_path / "again", shard_mb=0.004)
    for path in packed[0].iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()
