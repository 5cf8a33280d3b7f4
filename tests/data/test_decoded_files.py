import numpy as np
import pytest

from tests.data.images import fill_classes
from tl_keras.data import images
from tl_keras.data.array_store import Limits, allocate, limited_to, room_taken
from tl_keras.data.classes import keep_classes
from tl_keras.data.loading import load_dataset
from tl_keras.data.splits import joined

SIZE = (12, 10)


@pytest.fixture
def opened(monkeypatch):
    """Names of all opened files, once per opening."""
    names, whole = [], images.Image.open
    monkeypatch.setattr(images.Image, "open", lambda path, **k: names.append(path) or whole(path))
    return names


def _folder(tmp_path):
    return fill_classes(tmp_path / "data", {"a": 6, "b": 7, "c": 6})


def test_files_are_opened_once_to_be_checked_and_trained_on(tmp_path, opened):
    folder = _folder(tmp_path)
    splits = load_dataset(folder, image_size=SIZE)
    plain = load_dataset(folder)
    del opened[38:]
    assert len(opened) == 38 and len(set(opened)) == 19
    for part, other in zip(splits[:3], plain[:3], strict=True):
        expected = other.rows_of(SIZE)
        del opened[:]
        turned = np.arange(len(part))[::-1]
        np.testing.assert_array_equal(part.rows_of(SIZE)(turned), expected(turned))
        np.testing.assert_array_equal(part.decoded(SIZE), other.decoded(SIZE))
        assert not opened
    del opened[:]
    splits.val.rows_of((5, 5))  # another size
    assert len(opened) == len(splits.val)


def test_subsets_and_joined_parts_share_what_was_decoded(tmp_path, opened):
    splits = load_dataset(_folder(tmp_path), image_size=SIZE)
    both = joined(splits[:2])
    expected = np.concatenate([splits.train.decoded(SIZE), splits.val.decoded(SIZE)])
    fewer = keep_classes(splits.train, ["c", "a"])
    first = splits.train.ids.index(fewer.ids[0])
    del opened[:]
    np.testing.assert_array_equal(both.rows_of(SIZE)(np.arange(len(both))), expected)
    np.testing.assert_array_equal(fewer.rows_of(SIZE)([0])[0], splits.train.decoded(SIZE)[first])
    assert not opened


@pytest.mark.usefixtures("others_keep_their_room")
def test_copies_give_up_their_room_to_an_array_that_needs_it(tmp_path, opened):
    splits = load_dataset(_folder(tmp_path), image_size=SIZE)
    expected, taken = splits.train.rows_of(SIZE)([2, 0]), room_taken()
    size = splits.train.files.images.nbytes
    with limited_to(Limits(taken["memory"], 0)):
        features = allocate((size,), np.uint8)
        del opened[:]
        np.testing.assert_array_equal(splits.train.rows_of(SIZE)([2, 0]), expected)
        assert len(opened) == 2
    assert room_taken()["memory"] <= taken["memory"] and features.nbytes == size


@pytest.mark.parametrize("labels_per_class", [2, None])
def test_without_room_or_for_few_of_the_images_no_copies_are_kept(tmp_path, labels_per_class):
    room = Limits(memory=0 if labels_per_class is None else None, disk=0)
    with limited_to(room):
        splits = load_dataset(_folder(tmp_path), image_size=SIZE, labels_per_class=labels_per_class)
        assert splits.train.files is None
        assert splits.train.rows_of(SIZE)([1]).shape == (1, *SIZE, 3)


def test_skipped_files_move_no_other(tmp_path):
    folder = _folder(tmp_path)
    (folder / "a" / "0.png").write_bytes(b"no image")
    splits = load_dataset(folder, image_size=SIZE, on_bad_image="skip")
    for part in splits[:3]:
        for row, path in enumerate(part.images):
            np.testing.assert_array_equal(
                part.rows_of(SIZE)([row])[0], images.read_resized(path, SIZE)
            )
