"""Images in shards are those of the source: pixels, labels, names, splits, and what is trained."""

import os
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

from tl_keras import MLP, fit_from_scratch, load_dataset
from tl_keras.checks import InputError
from tl_keras.data.inspection.fingerprints import find_repeats
from tl_keras.data.loading import load_images, load_unsplit
from tl_keras.data.pipelines.batches import WINDOW, index_batches
from tl_keras.data.shards import reading
from tl_keras.data.shards.layout import INDEX, MANIFEST
from tl_keras.data.shards.reading import ShardStore, read_shards
from tl_keras.data.split_records import find_images, record_images


def _by_name(dataset, folder):
    return {os.path.relpath(name, folder): row for row, name in enumerate(dataset.ids)}


def test_pixels_and_labels_are_those_of_the_files(photo_folder, packed):
    files, _ = load_unsplit(str(photo_folder))
    places = _by_name(files, photo_folder)
    for folder, size in zip(packed, (None, (8, 8)), strict=True):
        shards, _ = load_unsplit(str(folder))
        assert _by_name(shards, folder).keys() == places.keys()
        for name, row in _by_name(shards, folder).items():
            kept = files.load(places[name]) if size is None else files.decoded(size)[places[name]]
            np.testing.assert_array_equal(shards.load(row), kept)
            assert shards.labels[row] == files.labels[places[name]]


def test_images_have_paths_where_each_is_a_file_of_its_own(photo_folder, packed):
    assert load_unsplit(str(photo_folder))[0].has_paths
    assert not any(load_unsplit(str(folder))[0].has_paths for folder in packed)


def test_a_run_on_the_folder_finds_its_images_in_the_shards(photo_folder, packed):
    train, *_, inspection = load_dataset(str(photo_folder))
    records = record_images(train, inspection.contents, "train")
    found = find_images(records, read_shards(str(packed[0])), {})
    assert not (found.missing or found.changed or found.relabelled)
    assert [os.path.basename(name) for name in found.splits["train"].ids] == [
        os.path.basename(name) for name in train.ids
    ]


@pytest.mark.parametrize("kind", [0, 1])
def test_batches_of_every_split_equal_those_of_arrays_in_memory(kind, packed):
    splits = load_dataset(str(packed[kind]), split_fractions=(0.6, 0.2, 0.2))
    for part in splits[:3]:
        pixels = np.stack([part.decoded((8, 8))[row] for row in range(len(part))])
        batches = list(part.pipeline(7, image_size=(8, 8)))
        np.testing.assert_array_equal(np.concatenate([x for x, _ in batches]), pixels)
        np.testing.assert_array_equal(np.concatenate([y for _, y in batches]), part.labels)


def test_training_batches_hold_each_image_once_with_its_label(packed, monkeypatch):
    monkeypatch.setattr(reading, "BLOCK_BYTES", 600)
    [part] = read_shards(str(packed[1])).values()
    assert part.block < 5
    kept = {part.images[row].tobytes(): part.labels[row] for row in range(40)}
    orders = []
    for epoch in (0, 1):
        batches = part.pipeline(6, image_size=(8, 8), training=True, seed=epoch)
        rows = [(x.numpy().astype(np.uint8).tobytes(), int(y)) for x, y in batches.unbatch()]
        assert dict(rows) == kept
        orders.append([x for x, _ in rows])
    assert orders[0] != orders[1]


def test_shuffling_in_blocks_reads_few_blocks_at_a_time():
    size, block = 10_000, 50
    batches = index_batches(size, 100, seed=3, shuffle=True, block=block, repeat=True)
    order = np.concatenate([rows.numpy() for _, rows in batches.take(2 * size // 100)])
    first, second = order.reshape(2, size)
    for epoch in (first, second):
        np.testing.assert_array_equal(np.sort(epoch), np.arange(size))
        for window in epoch.reshape(-1, WINDOW * block):
            assert len(np.unique(window // block)) == WINDOW
    assert (first != second).mean() > 0.99
    # Blocks far apart come together, and those of a window are mixed.
    assert np.abs(np.diff(first // block)).mean() > 40
    again = index_batches(size, 100, seed=3, shuffle=True, block=block)
    np.testing.assert_array_equal(np.concatenate([rows.numpy() for _, rows in again]), first)


def test_each_block_is_read_once_per_epoch(packed, monkeypatch):
    monkeypatch.setattr(reading, "BLOCK_BYTES", 600)
    [part] = read_shards(str(packed[1])).values()
    reads = []
    real = ShardStore._read_block
    monkeypatch.setattr(
        ShardStore, "_read_block", lambda self, block: reads.append(block) or real(self, block)
    )
    list(part.pipeline(6, image_size=(8, 8), training=True))
    assert sorted(reads) == sorted(set(reads))


def test_a_network_trains_on_shards_as_on_their_pixels_in_memory(packed):
    [part] = read_shards(str(packed[1])).values()
    weights = []
    for train in (part, (part.images.take(np.arange(40)), part.labels)):
        keras.utils.set_random_seed(0)
        model = MLP(2, (4,))
        fit_from_scratch(model, train, epochs=1, batch_size=40, augment="none")
        weights.append(model.get_weights())
    for one, other in zip(*weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)  # one batch, in two orders


def test_shards_behind_a_url_are_read(packed):
    folder = "ram://bucket/shards"
    for path in packed[0].iterdir():
        with tf.io.gfile.GFile(f"{folder}/{path.name}", "wb") as file:
            file.write(path.read_bytes())
    there, _ = load_images(folder)
    here, _ = load_images(str(packed[0]))
    assert there.ids[0].startswith("ram://bucket/shards/")
    np.testing.assert_array_equal(there.load(5), here.load(5))


def _copied(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copy")


def test_a_missing_or_cut_shard_is_named_before_any_image_is_read(packed, tmp_path):
    folder = _copied(packed[0], tmp_path)
    shard = folder / "shard-00001.tfrecord"
    shard.write_bytes(shard.read_bytes()[:-50])
    with pytest.raises(InputError, match=r"shard-00001\.tfrecord with \d+ bytes; received one wi"):
        read_shards(str(folder))
    shard.unlink()
    with pytest.raises(InputError, match=r"shard-00001\.tfrecord with \d+ bytes; received none"):
        read_shards(str(folder))


def test_damaged_bytes_are_named_with_their_image(packed, tmp_path):
    folder = _copied(packed[1], tmp_path)
    shard = folder / "shard-00000.tfrecord"
    start = int(np.load(folder / INDEX)[0]["start"])
    content = bytearray(shard.read_bytes())
    content[start + 3] ^= 1
    shard.write_bytes(content)
    [part] = read_shards(str(folder)).values()
    name = next(part.images.names)
    with pytest.raises(InputError, match="received damaged") as caught:
        part.load(0)
    assert name.split("/")[1].split("\n")[0] in str(caught.value)
    with pytest.raises(InputError, match=r"shard-00000\.tfrecord as its manifest says"):
        part.images.store.verify()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (MANIFEST, b"{", "Expected a whole manifest"),
        (MANIFEST, b'{"version": 1}', "received one without splits"),
        (INDEX, b"other", "received another content"),
    ],
)
def test_a_damaged_manifest_or_index_is_refused(name, content, message, packed, tmp_path):
    folder = _copied(packed[0], tmp_path)
    (folder / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_shards(str(folder))


def test_repeats_within_a_folder_are_found_by_content(photo_folder, tmp_path, run_cli):
    source = shutil.copytree(photo_folder, tmp_path / "source")
    names = ["cats/a.png", "cats/b.png", "cats/image 3.png"]
    for name in names[:2]:
        shutil.copy(source / names[2], source / name)
    assert run_cli("shard", source, "--out", tmp_path / "shards")[0] == 0
    images, inspection = load_unsplit(str(tmp_path / "shards"))
    repeats = find_repeats(images, inspection.fingerprints)
    assert repeats.counts == {"same": 2, "near": 0}
    assert len({leak.first for leak in repeats}) == 1
    found = {name for leak in repeats for name in (leak.first, leak.second)}
    assert found == {str(tmp_path / "shards" / name) for name in names}


def test_copies_in_two_splits_are_found_by_content(photo_folder, tmp_path, run_cli):
    source = tmp_path / "source"
    for split in ("train", "test"):
        shutil.copytree(photo_folder, source / split)
    assert run_cli("shard", source, "--out", tmp_path / "shards")[0] == 0
    _, _, test, inspection = load_dataset(str(tmp_path / "shards"))
    assert inspection.leaks.counts["same"] == len(test) == 40
    assert os.path.relpath(inspection.leaks[0].first, tmp_path / "shards").startswith("train/")
