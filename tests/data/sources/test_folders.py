import os
import time

import numpy as np
import pytest

from tests.data.images import fill_classes, save, textured
from tl_keras.checks import InputError
from tl_keras.data.loading import load_dataset, load_unsplit
from tl_keras.data.sources.folders import find_image_files, labels_by_folder, read_folder


def names(dataset):
    return [os.path.basename(path) for path in dataset.images]


def test_each_sub_folder_is_a_class_in_sorted_order(two_classes):
    parts = read_folder(two_classes).parts
    assert list(parts) == ["all"]
    assert parts["all"].class_names == ("cats", "dogs")
    assert parts["all"].class_counts() == {"cats": 6, "dogs": 4}
    np.testing.assert_array_equal(parts["all"].labels, [0] * 6 + [1] * 4)
    assert list(parts["all"].images) == sorted(parts["all"].images)


@pytest.mark.parametrize("val", ["val", "valid", "validation", "Val"])
def test_split_folders_are_recognised(tmp_path, val):
    for split in ("train", val, "test"):
        fill_classes(tmp_path / split, {"a": 1, "b": 2})
    parts = read_folder(tmp_path).parts
    assert sorted(parts) == ["test", "train", "val"]
    assert all(part.split == split and len(part) == 3 for split, part in parts.items())


def test_split_folders_without_train_or_twice_are_refused(tmp_path):
    fill_classes(tmp_path / "val", {"a": 1, "b": 1})
    with pytest.raises(InputError, match="Expected a train folder beside val"):
        read_folder(tmp_path)
    fill_classes(tmp_path / "valid", {"a": 1, "b": 1})
    with pytest.raises(InputError, match="Expected one val folder"):
        read_folder(tmp_path)


@pytest.mark.fault(5)
def test_other_files_are_reported_and_hidden_ones_are_not(two_classes):
    (two_classes / "cats" / "notes.txt").touch()
    (two_classes / "labels.csv").touch()
    (two_classes / ".DS_Store").touch()
    (two_classes / ".cache").mkdir()
    contents = read_folder(two_classes)
    assert sorted(map(os.path.basename, contents.ignored)) == ["labels.csv", "notes.txt"]
    assert len(contents.parts["all"]) == 10


@pytest.mark.fault(5)
def test_suffixes_are_read_in_upper_case_too(tmp_path):
    fill_classes(tmp_path, {"a": 1}, suffix=".WEBP")
    fill_classes(tmp_path, {"b": 1}, suffix=".Tiff")
    assert names(read_folder(tmp_path).parts["all"]) == ["0.WEBP", "0.Tiff"]


@pytest.mark.fault(14)
def test_an_empty_class_folder_is_refused_by_name(two_classes):
    (two_classes / "hamsters").mkdir()
    with pytest.raises(InputError, match="class folder .*hamsters; received none"):
        read_folder(two_classes)


@pytest.mark.fault(15)
def test_classes_that_differ_between_splits_are_refused_with_the_difference(tmp_path):
    fill_classes(tmp_path / "train", {"a": 1, "b": 1, "c": 1})
    fill_classes(tmp_path / "test", {"a": 1, "b": 1, "d": 1})
    with pytest.raises(InputError, match=r"only in train: c; only in test: d\."):
        read_folder(tmp_path)


@pytest.mark.fault(17)
def test_a_single_class_is_refused_unless_labels_are_not_needed(tmp_path):
    fill_classes(tmp_path, {"cats": 2})
    with pytest.raises(InputError, match="at least two class folders .*received cats alone"):
        read_folder(tmp_path)
    assert read_folder(tmp_path, require_labels=False).parts["all"].class_counts() == {"cats": 2}


def test_loose_images_are_a_set_without_labels(tmp_path):
    for number in range(3):
        save(tmp_path / f"{number}.jpg", textured(number))
    part = read_folder(tmp_path, require_labels=False).parts["all"]
    assert len(part) == 3 and part.labels is None and part.class_names == ()
    with pytest.raises(InputError, match="received 3 images and no folders. Lay the images"):
        read_folder(tmp_path)


def test_a_folder_without_images_is_refused(tmp_path):
    with pytest.raises(InputError, match="received no images. Lay the images out as FOLDER/"):
        read_folder(tmp_path, require_labels=False)


def test_folders_inside_a_class_are_followed(two_classes):
    save(two_classes / "cats" / "2024" / "may" / "9.png", textured(50))
    assert read_folder(two_classes).parts["all"].class_counts() == {"cats": 7, "dogs": 4}


@pytest.mark.fault(19)
def test_links_that_lead_back_end_and_are_reported(two_classes):
    links = {"up": "..", "here": ".", "sibling": "../dogs"}
    for name, target in links.items():
        (two_classes / "cats" / name).symlink_to(target, target_is_directory=True)
    contents = read_folder(two_classes)
    assert contents.parts["all"].class_counts() == {"cats": 6, "dogs": 4}
    assert sorted(map(os.path.basename, contents.ignored)) == ["here", "sibling", "up"]


@pytest.mark.fault(19)
def test_a_link_to_itself_is_not_a_folder(two_classes):
    (two_classes / "cats" / "loop").symlink_to("loop")
    assert len(read_folder(two_classes).parts["all"]) == 10


def test_a_link_to_images_elsewhere_is_followed(two_classes, tmp_path):
    save(tmp_path / "elsewhere" / "x.png", textured(60))
    (two_classes / "dogs" / "more").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert read_folder(two_classes).parts["all"].class_counts()["dogs"] == 5


@pytest.mark.parametrize(
    "name", ["Kätzchen 猫", "two\nlines", " spaces ", os.fsdecode(b"\xff\xfe")]
)
@pytest.mark.fault(20)
def test_any_name_that_the_system_allows_works(tmp_path, name):
    fill_classes(tmp_path / name, {name: 1, "dogs": 1})
    part = read_folder(tmp_path / name).parts["all"]
    assert part.load(0).shape == part.load(1).shape == (20, 24, 3)
    assert all(each.isprintable() for each in part.class_names)
    (tmp_path / name / "dogs" / "0.png").unlink()
    with pytest.raises(InputError) as caught:
        read_folder(tmp_path / name)
    assert "\n" not in str(caught.value)
    str(caught.value).encode("utf-8")


def test_names_that_are_the_same_once_printable_are_refused(tmp_path):
    """A run with two classes of one name could not be used."""
    fill_classes(tmp_path, {"a\nb": 1, "a\\nb": 1})
    with pytest.raises(InputError, match=r"two that are shown as a\\nb"):
        read_folder(tmp_path)
    with pytest.raises(InputError, match="Rename one"):
        labels_by_folder(find_image_files(tmp_path, []), tmp_path)


def test_all_images_below_a_folder_are_found_whatever_its_layout(two_classes):
    save(two_classes / "loose.png", textured(70))
    ignored = []
    assert len(find_image_files(two_classes, ignored)) == 11 and ignored == []


@pytest.mark.parametrize("name", ["train", "Val", "test"])
def test_a_folder_with_images_straight_in_it_is_a_class_whatever_its_name(tmp_path, name):
    fill_classes(tmp_path, {"bus": 2, "car": 3, name: 4})
    parts = read_folder(tmp_path).parts
    assert list(parts) == ["all"]
    assert parts["all"].class_counts() == {"bus": 2, "car": 3, name: 4}
    splits = load_dataset(tmp_path, split_fractions=(0.5, 0.25, 0.25), require_labels=False)
    assert sum(len(part) for part in splits[:3]) == 9
    assert load_unsplit(tmp_path)[0].class_counts() == {"bus": 2, "car": 3, name: 4}


def test_classes_may_be_named_train_and_valid_and_validation_at_once(tmp_path):
    counts = {"bus": 1, "train": 2, "valid": 3, "validation": 4}
    fill_classes(tmp_path, counts)
    assert read_folder(tmp_path).parts["all"].class_counts() == counts


def test_class_folders_may_have_the_names_of_splits_within_a_split(tmp_path):
    for split in ("train", "test"):
        fill_classes(tmp_path / split, {"bus": 1, "train": 2})
    parts = read_folder(tmp_path).parts
    assert parts["train"].class_counts() == parts["test"].class_counts() == {"bus": 1, "train": 2}
    assert load_unsplit(tmp_path)[0].class_counts() == {"bus": 2, "train": 4}


def test_siblings_of_split_folders_are_ignored_by_name(tmp_path):
    fill_classes(tmp_path / "train", {"steam": 10, "diesel": 10})
    fill_classes(tmp_path, {"bus": 20, "car": 20})
    (tmp_path / "notes").mkdir()
    save(tmp_path / "loose.png", textured(90))
    (tmp_path / "readme.txt").touch()
    contents = read_folder(tmp_path)
    assert contents.parts["train"].class_counts() == {"diesel": 10, "steam": 10}
    assert contents.ignored == [str(tmp_path / "readme.txt")]
    assert contents.notes == [
        f"41 images beside train in {tmp_path} are ignored: bus (20), car (20), loose.png."
    ]
    assert contents.notes[0] in load_dataset(tmp_path).inspection.warnings


def test_images_beside_class_folders_are_ignored_by_name(two_classes):
    for number in range(7):
        save(two_classes / f"loose{number}.png", textured(90 + number))
    contents = read_folder(two_classes)
    assert contents.ignored == [] and len(contents.parts["all"]) == 10
    assert contents.notes[0].startswith(f"7 images beside class folders in {two_classes} are ign")
    assert contents.notes[0].endswith("loose3.png, loose4.png and 2 more.")


def test_split_folders_of_which_only_some_hold_folders_are_refused(tmp_path):
    fill_classes(tmp_path / "train", {"a": 1, "b": 1})
    fill_classes(tmp_path, {"test": 2})
    expected = r"received folders in .*train and images directly in .*test\. .*rename"
    with pytest.raises(InputError, match=expected):
        read_folder(tmp_path, require_labels=False)


def test_a_split_folder_with_images_beside_its_folders_of_images_is_refused(tmp_path):
    fill_classes(tmp_path, {"bus": 1, "car": 1, "train": 3})
    (tmp_path / "train" / "notes").mkdir()
    assert read_folder(tmp_path).parts["all"].class_counts()["train"] == 3
    fill_classes(tmp_path / "train", {"2024": 1})
    with pytest.raises(
        InputError, match="either folders of images or images in .*train; rec.*both"
    ):
        read_folder(tmp_path)
    assert load_unsplit(tmp_path)[0].labels is None


def test_images_straight_in_train_and_test_alone_are_splits_without_labels(tmp_path):
    fill_classes(tmp_path, {"train": 3, "test": 2})
    parts = read_folder(tmp_path, require_labels=False).parts
    assert {split: (len(part), part.labels) for split, part in parts.items()} == {
        "train": (3, None),
        "test": (2, None),
    }
    with pytest.raises(InputError, match="class folders in .*train; received 3 images"):
        read_folder(tmp_path)
    assert load_unsplit(tmp_path)[0].labels is None


def test_an_empty_folder_with_the_name_of_a_split_is_an_empty_class(tmp_path):
    fill_classes(tmp_path, {"bus": 1, "car": 1})
    (tmp_path / "test").mkdir()
    with pytest.raises(InputError, match="in class folder .*test; received none"):
        read_folder(tmp_path)


def test_time_for_labels_grows_with_the_number_of_images_and_not_its_square():
    paths = [f"album/{number % 10}/{number}.png" for number in range(20_000)]
    began = time.process_time()
    labels, names = labels_by_folder(paths, "album")
    assert time.process_time() - began < 5
    assert len(names) == 10 and labels[:11].tolist() == [*range(10), 0]
