"""Splits are found again by image content after images were added, moved or renamed."""

import gzip
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from tl_keras.checks import InputError
from tl_keras.data.classes import keep_classes_of_splits
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.loading import load_dataset, load_parts
from tl_keras.data.split_records import (
    ImageRecord,
    contents_of,
    find_images,
    keeps_groups,
    read_records,
    record_images,
    record_splits,
    write_records,
)

SPLITS = ("train", "val", "test")


def save(path, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def folder(tmp_path):
    """Two classes with fifty random images each."""
    for number in range(100):
        save(tmp_path / "data" / "ab"[number % 2] / f"{number // 2:02}.png", number)
    return tmp_path / "data"


def find_again(records, source):
    parts, inspection = load_parts(str(source))
    return find_images(records, parts, inspection.contents)


def contents(splits):
    return {
        name: contents_of(part, splits.inspection.contents)
        for name, part in zip(SPLITS, splits[:3], strict=True)
    }


def found_contents(found):
    return {name: contents_of(found.splits[name], {}) for name in SPLITS}


def test_one_file_added_to_each_class_changes_no_split(folder):
    """The case that was reported: drawn anew, former training images are in the test split."""
    before = load_dataset(str(folder))
    for number, name in enumerate("ab"):
        save(folder / name / "00-new.png", 1000 + number)  # sorted among the others
    drawn_anew = load_dataset(str(folder))
    assert set(drawn_anew.test.ids) & set(before.train.ids)
    found = find_again(record_splits(before), folder)
    for name, part in zip(SPLITS, before[:3], strict=True):
        assert found.splits[name].ids == part.ids
        np.testing.assert_array_equal(found.splits[name].labels, part.labels)
        assert found.splits[name].split == name
    assert found.new == ("a/00-new.png", "b/00-new.png")
    assert (found.missing, found.changed, found.relabelled) == ((), (), ())


def test_moved_and_renamed_files_are_found_by_content(folder, tmp_path):
    before = load_dataset(str(folder))
    known = contents(before)
    for number, path in enumerate(sorted(folder.rglob("*.png"))):
        (tmp_path / "new" / path.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.move(path, tmp_path / "new" / path.parent.name / f"{(number * 37) % 100}.png")
    found = find_again(record_splits(before), tmp_path / "new")
    assert found_contents(found) == known
    assert not found.new and not found.missing and not found.changed


def test_splits_are_found_across_the_folders_of_another_layout(folder, tmp_path):
    before = load_dataset(str(folder))
    known = contents(before)
    for number, path in enumerate(sorted(folder.rglob("*.png"))):
        place = tmp_path / "new" / ("train", "test")[number % 2] / path.parent.name
        place.mkdir(parents=True, exist_ok=True)
        shutil.move(path, place)
    found = find_again(record_splits(before), tmp_path / "new")
    assert found_contents(found) == known
    np.testing.assert_array_equal(found.splits["train"].labels, before.train.labels)


def test_missing_changed_and_relabelled_images_are_told_apart(folder):
    before = load_dataset(str(folder))
    gone, changed, moved = before.test.ids[0], before.train.ids[3], before.val.ids[0]
    os.remove(gone)
    save(folder / os.path.relpath(changed, folder), 777)
    assert "/a/" in moved
    shutil.move(moved, folder / "b" / "moved.png")
    found = find_again(record_splits(before), folder)
    assert [record.name for record in found.missing] == [os.path.relpath(gone, folder)]
    assert [record.name for record in found.changed] == [os.path.relpath(changed, folder)]
    assert [(r.split, r.label) for r in found.relabelled] == [("val", "a")]
    assert found.splits["test"].ids == before.test.ids[1:]
    assert changed not in found.splits["train"].ids
    assert found.splits["val"].labels[0] == 1
    assert found.new == ()


def test_equal_images_keep_their_own_splits_and_each_is_used_once(tmp_path):
    save(tmp_path / "a.png", 1)
    save(tmp_path / "b.png", 1)
    part = ImageDataset((str(tmp_path / "a.png"), str(tmp_path / "b.png")), source=str(tmp_path))
    content = contents_of(part, {})[0]
    records = [ImageRecord(s, "", n, content) for s, n in (("test", "b.png"), ("train", "a.png"))]
    found = find_images(records, {"all": part}, {})
    assert [found.splits[name].ids for name in ("train", "test")] == [part.ids[:1], part.ids[1:]]
    one = find_images(records, {"all": part.subset([0])}, {})
    assert one.splits["train"].ids == part.ids[:1] and len(one.splits["test"]) == 0


def test_rows_of_an_array_are_found_by_content_in_any_order(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (60, 5, 5), dtype=np.uint8)
    np.savez(tmp_path / "data.npz", x=images, y=np.arange(60) % 3)
    before = load_dataset(str(tmp_path / "data.npz"))
    order = np.random.default_rng(1).permutation(60)
    np.savez(tmp_path / "data.npz", x=images[order], y=(np.arange(60) % 3)[order])
    found = find_again(record_splits(before), tmp_path / "data.npz")
    for name, part in zip(SPLITS, before[:3], strict=True):
        np.testing.assert_array_equal(found.splits[name].images, part.images)
        np.testing.assert_array_equal(found.splits[name].labels, part.labels)


def test_an_array_and_its_files_have_equal_contents(tmp_path):
    grey = np.random.default_rng(0).integers(0, 256, (2, 5, 4), dtype=np.uint8)
    for row, image in enumerate(grey):
        Image.fromarray(image).save(tmp_path / f"{row}.png")
    files = ImageDataset(tuple(str(tmp_path / f"{row}.png") for row in range(2)))
    assert contents_of(files, {}) == contents_of(ImageDataset.from_arrays(grey[..., None]), {})


def test_what_labels_per_class_leaves_out_is_recorded_too(folder):
    whole, few = load_dataset(str(folder)), load_dataset(str(folder), labels_per_class=4)
    records = record_splits(few)
    rest = {record.name for record in records if record.split == "rest"}
    kept = {record.name for record in records if record.split == "train"}
    assert len(kept) == 8
    assert rest | kept == {os.path.relpath(path, folder) for path in whole.train.ids}
    assert not rest & kept


def test_images_of_classes_that_are_not_used_are_known_and_not_new(folder):
    for number in range(5):
        save(folder / "c" / f"{number}.png", 500 + number)
    whole = load_dataset(str(folder))
    records = record_splits(keep_classes_of_splits(whole, ("a", "b")), None, whole)
    assert [record.label for record in records if record.split == "unused"] == ["c"] * 5
    found = find_again(records, folder)
    assert not found.new and found.splits["test"].ids == whole.test.ids[:10]


def test_records_come_back_to_the_byte(tmp_path):
    names = ("a/1.png", 'b, "c"/2\n.png', "d/\udcff.png", "é/3.png", "a/4\r.png")
    groups = (None, 0, 3, 3, None)
    pairs = zip(names, groups, strict=True)
    records = tuple(ImageRecord("val", "röd", name, bytes(range(16)), g) for name, g in pairs)
    write_records(tmp_path / "r.csv.gz", records)
    assert read_records(tmp_path / "r.csv.gz") == records
    first = (tmp_path / "r.csv.gz").read_bytes()
    write_records(tmp_path / "r.csv.gz", records)
    assert (tmp_path / "r.csv.gz").read_bytes() == first


def test_groups_come_back_with_the_splits(folder, tmp_path):
    """Drawn anew they would be others once files are added; without them copies part again."""
    for number in range(3):
        shutil.copy(folder / "a" / "00.png", folder / "a" / f"copy{number}.png")
    before = load_dataset(str(folder), group_by="duplicates")
    write_records(tmp_path / "r.csv.gz", record_splits(before))
    save(folder / "a" / "0.png", 500)  # the first of all
    found = find_again(read_records(tmp_path / "r.csv.gz"), folder)
    for name, part in zip(SPLITS, before[:3], strict=True):
        np.testing.assert_array_equal(found.splits[name].groups, part.groups)
        assert found.splits[name].groups.dtype == np.int64
    assert max(np.bincount(part.groups).max() for part in before[:3]) == 4
    plain = [record._replace(group=None) for record in read_records(tmp_path / "r.csv.gz")]
    assert find_again(plain, folder).splits["train"].groups is None


def test_a_file_of_an_earlier_version_has_no_groups(tmp_path):
    records = (ImageRecord("val", "a", "1.png", bytes(16)),)
    lines = b"split,class,image,content\r\nval,a,1.png," + bytes(16).hex().encode()
    (tmp_path / "r.csv.gz").write_bytes(gzip.compress(lines))
    assert read_records(tmp_path / "r.csv.gz") == records
    assert not keeps_groups(tmp_path / "r.csv.gz")
    write_records(tmp_path / "r.csv.gz", records)
    assert keeps_groups(tmp_path / "r.csv.gz")


def test_an_image_takes_few_bytes_in_the_file(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (5000, 4, 4), dtype=np.uint8)
    part = ImageDataset.from_arrays(images, np.arange(5000) % 2)
    write_records(tmp_path / "r.csv.gz", record_images(part, {}, "train"))
    assert (tmp_path / "r.csv.gz").stat().st_size < 30 * 5000


@pytest.mark.parametrize("damage", ["cut", "text", "columns"])
def test_damaged_file_is_refused_in_one_line(damage, tmp_path):
    path = tmp_path / "r.csv.gz"
    write_records(path, [ImageRecord("val", "a", str(n), bytes(16)) for n in range(50)])
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-20])
    elif damage == "text":
        path.write_text("split,class")
    else:
        path.write_bytes(gzip.compress(b"split,image\nval,1.png\n"))
    with pytest.raises(InputError, match="Expected .*r.csv.gz as the run wrote it") as refused:
        read_records(path)
    assert "\n" not in str(refused.value)
