"""Selection of some classes of a dataset."""

import numpy as np
import pytest

from tl_keras.checks import InputError
from tl_keras.data.classes import check_same_names, keep_classes, keep_classes_of_splits
from tl_keras.data.dataset import ImageDataset, Splits


@pytest.fixture
def four():
    """Eight images whose pixels are their row, of classes a b c d a b c d."""
    images = np.arange(8, dtype=np.uint8)[:, None, None, None].repeat(3, axis=3)
    return ImageDataset.from_arrays(
        images, np.arange(8) % 4, class_names=("a", "b", "c", "d"), split="test", source="x.npz"
    )


def test_kept_images_are_relabelled_in_the_order_asked_for(four):
    kept = keep_classes(four, ("d", "b"))
    assert kept.class_names == ("d", "b")
    assert kept.images[:, 0, 0, 0].tolist() == [1, 3, 5, 7]
    assert kept.labels.tolist() == [1, 0, 1, 0]
    assert kept.labels.dtype == np.int32


def test_ids_split_and_source_stay(four):
    kept = keep_classes(four, ("d", "b"))
    assert kept.ids == ("x.npz[1]", "x.npz[3]", "x.npz[5]", "x.npz[7]")
    assert (kept.split, kept.source) == ("test", "x.npz")


def test_all_classes_kept_change_nothing(four):
    kept = keep_classes(four, four.class_names)
    assert kept.labels.tolist() == four.labels.tolist()
    assert kept.ids == four.ids


def test_given_dataset_is_not_changed(four):
    keep_classes(four, ("d",))
    assert four.labels.tolist() == [0, 1, 2, 3, 0, 1, 2, 3]


def test_files_keep_their_paths():
    files = ImageDataset(("p", "q", "r"), np.array([0, 1, 0], np.int32), ("a", "b"), "val", "f")
    kept = keep_classes(files, ("a",))
    assert kept.images == ("p", "r")
    assert kept.labels.tolist() == [0, 0]


def test_classes_that_are_missing_are_named(four):
    with pytest.raises(InputError) as refused:
        keep_classes(four, ("a", "y", "z"))
    assert str(refused.value) == (
        "Expected the classes a, y, z in x.npz; received data without y, z. It has a, b, c, d."
    )


def test_every_split_is_cut_and_a_missing_one_stays_missing(four):
    splits = keep_classes_of_splits(Splits(four, None, four, "what was noticed"), ("c",))
    assert splits.val is None
    assert splits.train.class_names == splits.test.class_names == ("c",)
    assert splits.inspection == "what was noticed"


def test_labels_that_name_other_classes_are_refused():
    x, y = np.zeros((2, 4, 4, 3), np.uint8), np.array([0, 1])

    def named(*names, labels=y):
        return ImageDataset.from_arrays(x, labels, class_names=names or None)

    for one, two, said in (
        (("a", "b"), ("b", "a"), "label 0 for 'b', which is 'a'"),
        (("a", "b", "c"), ("a", "c"), "label 1 for 'c', which is 'b'"),
    ):
        with pytest.raises(InputError, match=f"validation images .*; received {said} in training"):
            check_same_names(named(*one), named(*two))
    files = [
        ImageDataset(("a.png", "b.png"), y, class_names=names) for names in (("0", "1"), ("1", "2"))
    ]
    with pytest.raises(InputError, match="label 0 for '1', which is '0'"):
        check_same_names(*files)  # a folder of digits without zero
    check_same_names(named("a", "b", "c"), named("a", "b"))  # the last class is missing
    check_same_names(named("a", "b"), named())  # numbers name no class
