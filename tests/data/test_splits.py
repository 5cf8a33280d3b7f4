import numpy as np
import pytest

from tl_keras.checks import InputError
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.splits import (
    at_most_per_class,
    check_fractions,
    few_to_learn_from,
    keep_per_class,
    make_splits,
)

THIRDS = (0.8, 0.1, 0.1)


def numbered(*counts, split="all"):
    """A dataset of 1 x 1 images with `counts[c]` of class c."""
    labels = np.repeat(np.arange(len(counts)), counts)
    x = np.arange(len(labels), dtype=np.uint8).reshape(-1, 1, 1)
    return ImageDataset.from_arrays(x, labels, split=split)


def test_each_class_is_cut_in_proportion():
    splits, notes = make_splits({"all": numbered(20, 10)}, split_fractions=THIRDS, seed=0)
    assert splits.train.class_counts() == {"0": 16, "1": 8}
    assert splits.val.class_counts() == splits.test.class_counts() == {"0": 2, "1": 1}
    assert [part.split for part in splits[:3]] == ["train", "val", "test"]
    assert notes == ()


def test_every_image_is_in_exactly_one_split():
    splits, _ = make_splits({"all": numbered(9, 7, 3)}, split_fractions=THIRDS, seed=1)
    rows = np.concatenate([part.rows for part in splits[:3]])
    np.testing.assert_array_equal(np.sort(rows), np.arange(19))


@pytest.mark.parametrize("fractions", [THIRDS, (0.01, 0.01, 0.98), (0.34, 0.33, 0.33)])
@pytest.mark.fault(18, 21)
def test_three_images_of_a_class_are_one_in_each_split(fractions):
    splits, _ = make_splits({"all": numbered(3, 5)}, split_fractions=fractions, seed=0)
    assert all(min(part.class_counts().values()) >= 1 for part in splits[:3])


@pytest.mark.fault(18, 21)
def test_two_images_of_a_class_are_too_few(tmp_path):
    words = r"at least 3 images of each class.*received class '1' with 2, class '3' with 1\."
    with pytest.raises(InputError, match=words):
        make_splits({"all": numbered(5, 2, 3, 1)}, split_fractions=THIRDS, seed=0)


def test_all_classes_are_named_that_a_split_lacks():
    parts = {"train": numbered(9, 9, 9, split="train"), "val": numbered(2, 0, 0, 2, split="val")}
    with pytest.raises(InputError, match=r"images of class '1', '2' in the val split"):
        make_splits(parts, split_fractions=THIRDS, seed=0)


def test_fractions_that_do_not_count_are_said():
    def notes(fractions, *own):
        parts = {name: numbered(9, 9, split=name) for name in ("train", *own)}
        return make_splits(parts, split_fractions=fractions, seed=0)[1]

    asked = (0.6, 0.2, 0.2)
    assert notes(THIRDS, "test") == notes(THIRDS, "val", "test") == ()
    assert notes(asked, "test") == (
        "The data has its own test images, which are kept: only the fractions of train and val "
        "count.",
    )
    assert notes(asked, "val", "test") == (
        "The data has its own val and test images, which are kept: no fraction counts.",
    )
    assert "only the fractions of train and test count" in notes(asked, "val")[1]


def test_the_seed_alone_decides():
    def rows(seed):
        return make_splits({"all": numbered(20, 20)}, split_fractions=THIRDS, seed=seed)[0].val.rows

    np.testing.assert_array_equal(rows(3), rows(3))
    assert not np.array_equal(rows(3), rows(4))


def test_a_missing_val_is_cut_from_train_and_test_is_kept():
    test = numbered(2, 2, split="test")
    splits, notes = make_splits(
        {"train": numbered(18, 9, split="train"), "test": test}, split_fractions=THIRDS, seed=0
    )
    assert splits.test is test and notes == ()
    # a ninth: 0.1 of 0.8 + 0.1
    assert splits.val.class_counts() == {"0": 2, "1": 1}
    assert splits.train.class_counts() == {"0": 16, "1": 8}


def test_a_missing_test_is_cut_from_train_and_said():
    val = numbered(2, 2, split="val")
    parts = {"train": numbered(18, 9, split="train"), "val": val}
    splits, notes = make_splits(parts, split_fractions=THIRDS, seed=0)
    assert splits.val is val and len(splits.test) == 3 and splits.test.split == "test"
    assert "There is no test folder: 3 of 27 training images" in notes[0]


def test_three_given_splits_are_kept():
    parts = {split: numbered(1, 1, split=split) for split in ("train", "val", "test")}
    splits, _ = make_splits(parts, split_fractions=THIRDS, seed=0)
    assert [part.split for part in splits[:3]] == ["train", "val", "test"]
    assert splits.train is parts["train"]


@pytest.mark.fault(18)
def test_a_class_missing_from_a_given_split_is_refused():
    lacking = ImageDataset.from_arrays(
        np.zeros((1, 1, 1), np.uint8), [0], class_names="01", split="test"
    )
    parts = {"train": numbered(9, 9, split="train"), "test": lacking}
    with pytest.raises(InputError, match="Expected images of class '1' in the test split"):
        make_splits(parts, split_fractions=THIRDS, seed=0)


def test_images_without_labels_are_cut_too():
    dataset = ImageDataset.from_arrays(np.zeros((20, 1, 1), np.uint8))
    splits, _ = make_splits({"all": dataset}, split_fractions=THIRDS, seed=0)
    assert [len(part) for part in splits[:3]] == [16, 2, 2]
    with pytest.raises(InputError, match="at least 3 images, one for each"):
        make_splits({"all": dataset.subset([0, 1])}, split_fractions=THIRDS, seed=0)


def test_exactly_k_images_of_each_class_are_kept_and_the_choice_grows_with_k():
    dataset = numbered(9, 7)
    three = keep_per_class(dataset, 3, seed=0)
    assert three.class_counts() == {"0": 3, "1": 3}
    assert set(three.rows) < set(keep_per_class(dataset, 5, seed=0).rows)
    assert set(three.rows) != set(keep_per_class(dataset, 3, seed=1).rows)


def test_a_class_with_fewer_than_k_images_is_named():
    with pytest.raises(InputError, match=r"at least 8 .*received class '1' with 7"):
        keep_per_class(numbered(9, 7), 8, seed=0)
    with pytest.raises(InputError, match="received images without labels"):
        keep_per_class(ImageDataset.from_arrays(np.zeros((2, 1, 1), np.uint8)), 1, seed=0)


@pytest.mark.parametrize("fractions", [(0.8, 0.2), (0.5, 0.4, 0.4), (1, 0, 0), (2, -0.5, -0.5)])
def test_fractions_that_do_not_make_one_are_refused(fractions):
    with pytest.raises(InputError, match="split_fractions"):
        check_fractions(fractions)


def test_at_most_so_many_of_each_class_are_kept_and_all_of_a_smaller_one():
    dataset = ImageDataset.from_arrays(np.zeros((9, 4, 4), np.uint8), [0] * 6 + [1] * 3)
    assert at_most_per_class(dataset, 4, seed=0).class_counts() == {"0": 4, "1": 3}
    same = at_most_per_class(dataset, 3, seed=0).rows
    np.testing.assert_array_equal(same, keep_per_class(dataset, 3, seed=0).rows)


@pytest.mark.parametrize("files", [False, True])
def test_what_few_labels_leave_out_tests(files):
    labels = np.repeat(np.arange(2), 30)
    images = [f"{row}.png" for row in range(60)] if files else np.zeros((60, 4, 4), np.uint8)
    whole = ImageDataset(tuple(images) if files else images, labels, ("a", "b"))
    splits, _ = make_splits({"all": whole}, split_fractions=(0.6, 0.2, 0.2), seed=0)
    few = few_to_learn_from(splits, 3, 4, seed=0)
    assert [part.class_counts() for part in few[:3]] == [
        {"a": 3, "b": 3},
        {"a": 4, "b": 4},
        {"a": 23, "b": 23},
    ]
    assert sorted(few.train.ids + few.val.ids + few.test.ids) == sorted(whole.ids)
    assert few.test.split == "test" and set(splits.test.ids) <= set(few.test.ids)
    rows = dict(zip(whole.ids, whole.labels, strict=True))
    assert [rows[name] for name in few.test.ids] == few.test.labels.tolist()
