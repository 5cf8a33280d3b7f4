import os

import numpy as np
import pytest

from tests.data.images import fill_classes, save, textured
from tl_keras.checks import InputError
from tl_keras.data.loading import load_dataset, load_images, load_parts


def test_digits_are_split_by_class():
    splits = load_dataset("digits")
    assert sum(len(part) for part in splits[:3]) == 1797
    assert all(len(part.class_counts()) == 10 for part in splits[:3])
    assert splits.inspection.bad == () and splits.inspection.warnings == ()


def test_a_folder_is_split_and_its_warnings_are_kept(two_classes):
    (two_classes / "readme.txt").touch()
    splits = load_dataset(two_classes)
    assert [part.class_counts() for part in splits[:3]] == [
        {"cats": 4, "dogs": 2},
        {"cats": 1, "dogs": 1},
        {"cats": 1, "dogs": 1},
    ]
    assert splits.inspection.ignored == (str(two_classes / "readme.txt"),)
    assert "ignored" in splits.inspection.warnings[0]


def test_the_same_seed_gives_the_same_splits(two_classes):
    assert load_dataset(two_classes, seed=3).val.ids == load_dataset(two_classes, seed=3).val.ids


def test_a_folder_without_test_says_that_test_was_cut_from_train(tmp_path):
    fill_classes(tmp_path / "train", {"a": 6, "b": 6})
    fill_classes(tmp_path / "val", {"a": 1, "b": 1}, first_seed=100)
    splits = load_dataset(tmp_path)
    assert [len(part) for part in splits[:3]] == [10, 2, 2]
    assert splits.inspection.warnings[0].startswith("There is no test folder: 2 of 12")


@pytest.mark.fault(1, 2, 3)
def test_bad_images_are_refused_or_skipped_and_kept_in_the_report(two_classes):
    bad = two_classes / "cats" / "5.png"
    bad.write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"received 1 that cannot be read: .*cats/5\.png: "):
        load_dataset(two_classes)
    splits = load_dataset(two_classes, on_bad_image="skip")
    assert sum(len(part) for part in splits[:3]) == 9
    assert [path for path, _ in splits.inspection.bad] == [str(bad)]


def test_skipping_all_images_of_a_class_is_refused(two_classes):
    for path in (two_classes / "dogs").iterdir():
        path.write_bytes(b"nothing")
    with pytest.raises(InputError, match="Expected images of class 'dogs'.*none that can be used"):
        load_dataset(two_classes, on_bad_image="skip")


@pytest.mark.fault(16)
def test_the_same_image_in_two_splits_is_reported(tmp_path):
    fill_classes(tmp_path / "train", {"a": 4, "b": 4})
    fill_classes(tmp_path / "test", {"a": 1, "b": 1}, first_seed=100)
    save(tmp_path / "test" / "b" / "copy.png", textured(0))
    leaks = load_dataset(tmp_path).inspection.leaks
    assert [(os.path.basename(leak.second), leak.kind) for leak in leaks] == [("copy.png", "same")]
    with pytest.raises(InputError, match="no image in two splits; received 1 pairs.*copy.png"):
        load_dataset(tmp_path, on_duplicate="refuse")


def test_images_without_doubles_are_not_refused(two_classes):
    assert load_dataset(two_classes, on_duplicate="refuse").inspection.leaks == ()


def test_few_labels_are_kept_of_the_training_split_only(two_classes):
    splits = load_dataset(two_classes, labels_per_class=2)
    assert splits.train.class_counts() == {"cats": 2, "dogs": 2}
    assert len(splits.val) == len(splits.test) == 2
    with pytest.raises(InputError, match="at least 3 .* received class 'dogs' with 2"):
        load_dataset(two_classes, labels_per_class=3)


def test_arrays_in_files_are_loaded(tmp_path):
    x = np.arange(30 * 4, dtype=np.uint8).reshape(30, 2, 2)
    np.savez(tmp_path / "a.npz", x=x, y=np.arange(30) % 2)
    assert [len(part) for part in load_dataset(tmp_path / "a.npz")[:3]] == [22, 4, 4]
    np.save(tmp_path / "a.npy", x)
    with pytest.raises(InputError, match="labels of two classes or more .*without labels"):
        load_dataset(tmp_path / "a.npy")
    splits = load_dataset(tmp_path / "a.npy", require_labels=False)
    assert [len(part) for part in splits[:3]] == [24, 3, 3] and splits.train.labels is None


@pytest.mark.fault(17)
def test_a_single_class_in_a_file_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.zeros((9, 2, 2), np.uint8), y=np.zeros(9, int))
    with pytest.raises(InputError, match="two classes or more .*received one class"):
        load_dataset(tmp_path / "a.npz")


def test_loose_images_need_no_labels(tmp_path):
    for number in range(10):
        save(tmp_path / f"{number}.png", textured(number))
    splits = load_dataset(tmp_path, require_labels=False)
    assert [len(part) for part in splits[:3]] == [8, 1, 1]


def test_an_unknown_source_is_refused_with_the_nearest_name_first():
    with pytest.raises(
        InputError, match="one of mnist, digits, letters, shapes, fashion_mnist, .*received mnits"
    ):
        load_dataset("mnits")
    with pytest.raises(InputError, match="received images.zip, which is none of these"):
        load_dataset("images.zip")


def test_unknown_ways_with_bad_images_are_refused():
    with pytest.raises(InputError, match="on_bad_image to be one of skip, refuse"):
        load_dataset("digits", on_bad_image="skp")


def test_all_images_of_a_source_are_loaded_for_prediction(two_classes, tmp_path):
    images, inspection = load_images(two_classes)
    assert len(images) == 10 and images.labels is None and images.split == "all"
    assert inspection.warnings == ()
    one, _ = load_images(two_classes / "cats" / "0.png")
    assert one.ids == (str(two_classes / "cats" / "0.png"),)
    np.save(tmp_path / "a.npy", np.zeros((5, 2, 2), np.uint8))
    assert len(load_images(tmp_path / "a.npy")[0]) == 5


def test_prediction_refuses_what_it_cannot_read(tmp_path):
    (tmp_path / "a.jpg").write_text("text")
    with pytest.raises(InputError, match="received 1 that cannot be read"):
        load_images(tmp_path)
    with pytest.raises(InputError, match="received 0 other files and 1 that cannot"):
        load_images(tmp_path, on_bad_image="skip")
    with pytest.raises(InputError, match="which is none of these"):
        load_images(tmp_path / "missing")


@pytest.mark.parametrize("source", [5, None, [1, 2], np.zeros((2, 4, 4)), b"digits"])
@pytest.mark.parametrize("load", [load_dataset, load_images, load_parts])
def test_source_of_another_type_is_refused(load, source):
    with pytest.raises(InputError, match=f"as the source; received {type(source).__name__}"):
        load(source)
