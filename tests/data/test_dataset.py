import gc
import os
import weakref

import numpy as np
import pytest
from PIL import Image

from tests.data.images import save, textured
from tl_keras.checks import InputError
from tl_keras.data import array_store
from tl_keras.data.array_store import Limits, limited_to, room_taken
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.images import ImageReadError

GRAY = np.arange(4 * 2 * 2, dtype=np.uint8).reshape(4, 2, 2)


@pytest.fixture
def files(tmp_path):
    """Three images of different sizes, labelled 0, 1, 1."""
    paths = [save(tmp_path / f"{i}.png", textured(i, (10 + i, 12))) for i in range(3)]
    return ImageDataset(tuple(paths), np.array([0, 1, 1], np.int32), ("a", "b"), source="folder")


def test_an_array_keeps_its_form_and_is_shown_in_colour():
    for x in (GRAY, GRAY[..., None]):
        dataset = ImageDataset.from_arrays(x)
        assert dataset.images.shape == x.shape and dataset.is_grayscale
        assert dataset.load(1).shape == (2, 2, 3)
        assert dataset.decoded((2, 2)).shape == (4, 2, 2, 3)
        np.testing.assert_array_equal(dataset.decoded((2, 2))[3], dataset.load(3))
        np.testing.assert_array_equal(dataset.load(1)[..., 2], GRAY[1])
        assert dataset.decoded((4, 5)).shape == (4, 4, 5, 3)


def test_from_arrays_names_the_classes_by_number_unless_told():
    dataset = ImageDataset.from_arrays(GRAY, [0, 2, 0, 2])
    assert dataset.class_names == ("0", "1", "2") and dataset.num_classes == 3
    assert dataset.class_counts() == {"0": 2, "1": 0, "2": 2}
    named = ImageDataset.from_arrays(GRAY, [0, 1, 0, 1], class_names=["x", "y"])
    assert named.class_counts() == {"x": 2, "y": 2}


def test_without_labels_there_are_no_classes():
    dataset = ImageDataset.from_arrays(GRAY)
    assert dataset.labels is None and dataset.class_names == () and dataset.class_counts() == {}


def test_messages_name_the_source():
    with pytest.raises(InputError, match="Expected pixels of digits x from 0 to 255"):
        ImageDataset.from_arrays(GRAY / 255.0, source="digits")


def test_a_subset_keeps_order_labels_and_ids():
    dataset = ImageDataset.from_arrays(GRAY, [0, 1, 0, 1], source="digits")
    part = dataset.subset([3, 0], split="val").subset([0, 1])
    assert part.ids == ("digits[3]", "digits[0]") and part.split == "val"
    np.testing.assert_array_equal(part.labels, [1, 0])
    np.testing.assert_array_equal(part.load(0)[..., 0], GRAY[3])


def test_files_are_known_by_their_paths(files):
    part = files.subset([2, 0])
    assert part.ids == (files.images[2], files.images[0])
    assert part.rows is None and len(part) == 2
    assert part.load(0).shape == (12, 12, 3)


def test_decoded_images_are_in_order_and_computed_once(files):
    decoded = files.decoded((6, 5))
    assert decoded.shape == (3, 6, 5, 3) and decoded.dtype == np.uint8
    expected = np.asarray(
        Image.open(files.images[2]).resize((5, 6), Image.Resampling.BILINEAR), np.uint8
    )
    np.testing.assert_array_equal(decoded[2], expected)
    assert files.decoded((6, 5)) is decoded
    assert files.decoded((4, 4)).shape == (3, 4, 4, 3)


def test_decoded_images_cannot_be_changed_by_accident(files):
    with pytest.raises(ValueError, match="read-only"):
        files.decoded((6, 5))[0] = 0
    with pytest.raises(ValueError, match="read-only"):
        ImageDataset.from_arrays(np.zeros((2, 4, 4, 3), np.uint8)).decoded((4, 4))[0] = 0


def test_many_images_lie_on_disk_and_leave_nothing_behind(files, tmp_path, monkeypatch):
    in_memory = files.subset(range(3)).decoded((6, 5))
    monkeypatch.setattr(array_store, "MEMORY_LIMIT_BYTES", 10)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = sorted(os.listdir(tmp_path))
    on_disk = files.decoded((6, 5))
    assert isinstance(on_disk, np.memmap)
    np.testing.assert_array_equal(on_disk, in_memory)
    assert sorted(os.listdir(tmp_path)) == before


def test_files_are_decoded_when_needed_where_nothing_has_room(files, capsys):
    kept = files.subset(range(3)).rows_of((6, 5))
    with limited_to(Limits(0, 0)):
        rows_of = files.rows_of((6, 5))
        np.testing.assert_array_equal(rows_of([2, 0]), kept([2, 0]))
        assert len(rows_of(np.array([1]))) == 1
    said = capsys.readouterr()
    assert "each access decodes their files again" in said.out + said.err
    os.remove(files.images[1])
    with pytest.raises(ImageReadError, match="the file does not exist"):
        rows_of([1])


def test_arrays_are_resized_when_needed_where_nothing_has_room(capsys):
    pixels = np.random.default_rng(0).integers(0, 256, (3, 4, 4), np.uint8)
    kept = ImageDataset.from_arrays(pixels).rows_of((6, 5))([2, 0])
    with limited_to(Limits(0, 0)):
        dataset = ImageDataset.from_arrays(pixels)
        np.testing.assert_array_equal(dataset.rows_of((6, 5))([2, 0]), kept)
        said = capsys.readouterr()
        assert "No room for 270 bytes of decoded all images: each access resizes" in said.err
        own = dataset.rows_of((4, 4))([1])  # which takes no room
        np.testing.assert_array_equal(own[0, :, :, 0], pixels[1])
        assert "No room" not in capsys.readouterr().err


def test_decoded_images_give_up_their_room_and_are_decoded_again(files):
    first = files.decoded((6, 5)).copy()
    with limited_to(Limits(room_taken()["memory"], 0)):
        array_store.allocate((first.nbytes,), np.uint8)
        np.testing.assert_array_equal(files.decoded((6, 5)), first)


def test_decoded_images_go_with_their_dataset(files):
    gone = weakref.ref(files.decoded((6, 5)))
    part = files.subset([0])
    part_gone = weakref.ref(part.decoded((6, 5)))
    del part
    gc.collect()
    assert part_gone() is None and gone() is not None


@pytest.mark.fault(13)
def test_a_file_that_disappeared_is_named(files):
    os.remove(files.images[1])
    with pytest.raises(ImageReadError, match=r"1\.png: the file does not exist"):
        files.decoded((6, 5))


def test_files_are_gray_if_all_of_them_are(tmp_path):
    gray = [save(tmp_path / f"{i}.png", GRAY[i]) for i in range(2)]
    colour = save(tmp_path / "c.png", textured(0))
    assert ImageDataset(tuple(gray)).is_grayscale
    assert not ImageDataset((*gray, colour)).is_grayscale
