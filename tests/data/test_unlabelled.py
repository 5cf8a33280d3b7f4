"""Unlabelled images in any form join labelled ones."""

import numpy as np
import pytest
from PIL import Image

from tl_keras import ImageDataset, InputError
from tl_keras.data.unlabelled import as_unlabelled, drop_held_out, join_unlabelled

RNG = np.random.default_rng(0)
X, MORE = (RNG.integers(0, 256, (n, 8, 8, 3), dtype=np.uint8) for n in (4, 3))
LABELLED = ImageDataset.from_arrays(X, [0, 1, 2, 1], split="train", source="mine")


@pytest.mark.parametrize("data", [MORE, (MORE, [1, 1, 1]), ImageDataset.from_arrays(MORE)])
def test_unlabelled_images_come_after_the_labelled_and_have_no_label(data):
    joined = join_unlabelled(LABELLED, as_unlabelled(data), (8, 8))
    assert joined.labels.tolist() == [0, 1, 2, 1, -1, -1, -1]
    np.testing.assert_array_equal(joined.images, np.concatenate([X, MORE]))
    assert joined.class_names == LABELLED.class_names and joined.split == "train"


def test_images_of_another_size_or_in_files_are_decoded_to_one(tmp_path):
    Image.fromarray(MORE[0]).save(tmp_path / "a.png")
    files = ImageDataset((str(tmp_path / "a.png"),))
    joined = join_unlabelled(LABELLED, files, (8, 8))
    np.testing.assert_array_equal(joined.images, np.concatenate([X, MORE[:1]]))
    larger = as_unlabelled(RNG.integers(0, 256, (2, 16, 12), dtype=np.uint8))
    assert join_unlabelled(LABELLED, larger, (9, 9)).images.shape == (6, 9, 9, 3)


def test_files_stay_files():
    files = ImageDataset(("a.png",), np.array([0]), ("a", "b"))
    assert join_unlabelled(files, ImageDataset(("b.png",)), (8, 8)).images == ("a.png", "b.png")


def test_what_holds_no_images_is_refused():
    with pytest.raises(InputError, match="Expected an ImageDataset, a pair .*received str"):
        as_unlabelled("images")


def test_what_is_held_out_is_left_out_whatever_its_form(tmp_path):
    grey = np.random.default_rng(0).integers(0, 256, (6, 8, 8), np.uint8)
    for row in (1, 4):
        Image.fromarray(grey[row]).save(tmp_path / f"{row}.png")
    files = ImageDataset(tuple(str(tmp_path / f"{row}.png") for row in (1, 4)))
    changed = ImageDataset.from_arrays(grey[:1] ^ 1)
    more = ImageDataset.from_arrays(grey)
    assert drop_held_out(more, [files, changed]).rows.tolist() == [0, 2, 3, 5]
    assert drop_held_out(files, [more.subset([4])]).ids == files.ids[:1]
    assert drop_held_out(more, [changed]) is more
