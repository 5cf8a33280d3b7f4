"""Groups of images lie in one split each, and without groups nothing changes."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from tl_keras.checks import InputError
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.grouping.groups import grouped_by_pattern, groups_together, joined_groups
from tl_keras.data.loading import load_dataset
from tl_keras.data.splits import joined, make_splits

THIRDS = (0.8, 0.1, 0.1)


def labelled(labels, groups=None):
    labels = np.asarray(labels)
    x = np.arange(len(labels), dtype=np.uint8).reshape(-1, 1, 1)
    dataset = ImageDataset.from_arrays(x, labels)
    return dataclasses.replace(dataset, groups=None if groups is None else np.asarray(groups))


def cut(dataset, fractions=THIRDS, seed=0):
    return make_splits({"all": dataset}, split_fractions=fractions, seed=seed)[0][:3]


def test_groups_of_one_image_change_no_split():
    labels = np.repeat([0, 1], [40, 25])
    for plain, grouped in zip(cut(labelled(labels)), cut(labelled(labels, range(65))), strict=True):
        np.testing.assert_array_equal(plain.rows, grouped.rows)


@pytest.mark.parametrize("seed", range(5))
def test_no_group_is_divided_and_classes_keep_their_proportions(seed):
    random = np.random.default_rng(seed)
    labels = np.repeat([0, 1, 2], [200, 100, 60])
    groups = random.integers(0, 120, 360)  # groups of some three images, of mixed classes
    parts = cut(labelled(labels, groups), seed=seed)
    rows = np.concatenate([part.rows for part in parts])
    np.testing.assert_array_equal(np.sort(rows), np.arange(360))
    for group in np.unique(groups):
        assert sum(group in groups[part.rows] for part in parts) == 1
    for part, share in zip(parts, THIRDS, strict=True):
        counts = np.bincount(labels[part.rows], minlength=3) / [200, 100, 60]
        np.testing.assert_allclose(counts, share, atol=0.06)
        np.testing.assert_array_equal(part.groups, groups[part.rows])


def test_images_without_labels_are_divided_by_groups_too():
    x = np.arange(60, dtype=np.uint8).reshape(-1, 1, 1)
    dataset = dataclasses.replace(ImageDataset.from_arrays(x), groups=np.arange(60) // 3)
    assert [len(part) for part in cut(dataset)] == [48, 6, 6]


def test_patients_are_divided_and_not_their_images():
    groups = np.repeat(np.arange(20), 30)
    labels = np.repeat(np.arange(20) % 2, 30)
    train, val, test = cut(labelled(labels, groups))
    assert [len(np.unique(groups[p.rows])) for p in (train, val, test)] == [16, 2, 2]
    assert all(min(part.class_counts().values()) == len(part) // 2 for part in (val, test))


def test_a_class_of_fewer_groups_than_splits_is_refused():
    dataset = labelled([0] * 9 + [1] * 9, [0] * 5 + [1] * 4 + list(range(2, 11)))
    with pytest.raises(InputError, match=r"at least 3 groups.*received class '0' with 2\."):
        cut(dataset)


def test_groups_of_mixed_classes_that_cannot_be_divided_are_refused():
    # Class 1 occurs only together with class 0, which otherwise is in one group.
    dataset = labelled([0, 1, 1, 1, 0, 0], [0, 0, 0, 1, 2, 3])
    with pytest.raises(InputError, match="at least 3 groups"):
        cut(dataset)


def test_a_small_class_in_groups_is_in_every_split():
    labels = np.repeat([0, 1], [60, 6])
    groups = np.append(np.arange(60), np.repeat([70, 71, 72], 2))
    for seed in range(5):
        assert all(
            part.class_counts()["1"] == 2 for part in cut(labelled(labels, groups), seed=seed)
        )


def test_groups_follow_subsets_and_joins():
    dataset = labelled([0, 0, 1, 1], [5, 6, 5, 7])
    one, other = dataset.subset([2, 0]), dataset.subset([3])
    assert joined([one, other]).groups.tolist() == [5, 5, 7]
    *grouped, alone, other = joined([one, labelled([0, 1])]).groups.tolist()
    assert grouped == [5, 5] and len({5, alone, other}) == 3
    assert joined([labelled([0]), labelled([1])]).groups is None
    with pytest.raises(ValueError, match="2 groups of 4 images"):
        dataclasses.replace(dataset, groups=np.arange(2))


def test_group_numbers_of_two_sources_are_not_the_same_groups():
    one = dataclasses.replace(labelled([0, 1], [5, 3]), source="one")
    other = dataclasses.replace(labelled([0, 1], [5, 3]), source="other")
    groups = groups_together([one, other, one, labelled([0])]).tolist()
    assert groups[:2] == groups[4:6] == [5, 3] and len(set(groups)) == 5


def files(*names):
    paths = tuple(f"data/{name}" for name in names)
    return ImageDataset(paths, np.zeros(len(paths), np.int32), ("a",), source="data")


def test_a_regular_expression_groups_by_its_brackets_or_by_all_of_it():
    dataset = files("a/p1-x.png", "a/p2-x.png", "b/p1-y.png", "b/other.png")
    groups, lines = grouped_by_pattern([dataset], r"p(\d)")
    assert groups.tolist() == [0, 1, 0, 3]
    assert lines[0].startswith("3 groups by") and "1 images are groups of their own" in lines[1]
    assert "b/other.png" in lines[1]
    assert grouped_by_pattern([dataset], r"p\d-[xy]")[0].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(("pattern", "words"), [("p(", "regular expression"), ("z+", "in none")])
def test_an_expression_that_is_invalid_or_finds_nothing_is_refused(pattern, words):
    with pytest.raises(InputError, match=words):
        grouped_by_pattern([files("a/p1.png")], pattern)


def test_joined_groups_join_what_either_joins():
    assert joined_groups(np.array([0, 0, 2, 3]), np.array([0, 1, 2, 2])).tolist() == [0, 0, 2, 2]
    assert joined_groups(np.array([0, 1, 2]), np.array([0, 1, 1])).tolist() == [0, 1, 1]
    assert joined_groups(None, None) is None
    assert joined_groups(None, np.array([1])).tolist() == [1]


def test_a_column_of_a_file_of_labels_groups(tmp_path):
    random = np.random.default_rng(0)
    lines = ["path,class,patient"]
    for number in range(24):
        Image.fromarray(random.integers(0, 255, (6, 6, 3), np.uint8)).save(
            tmp_path / f"{number}.png"
        )
        lines.append(f"{number}.png,{'ab'[number // 12]},p{number // 3}")
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    splits = load_dataset(str(tmp_path / "labels.csv"), group_by="patient")
    homes = {}
    for part in splits[:3]:
        for path in part.ids:
            homes.setdefault(int(path.split("/")[-1][:-4]) // 3, set()).add(part.split)
    assert len(homes) == 8 and all(len(found) == 1 for found in homes.values())
    assert any("8 groups by the column 'patient'" in line for line in splits.inspection.warnings)
    with pytest.raises(InputError, match="a column of the labels file or a regular expression"):
        load_dataset(str(tmp_path / "labels.csv"), group_by="doctor")


def test_images_without_a_cell_in_the_column_are_counted(tmp_path):
    rows = [f"{n}.png,{'ab'[n % 2]},{'' if n > 9 else f'p{n}'}" for n in range(12)]
    for n in range(12):
        Image.new("RGB", (4, 4), (n * 20, 0, 0)).save(tmp_path / f"{n}.png")
    (tmp_path / "labels.csv").write_text("\n".join(["path,class,patient", *rows]))
    splits = load_dataset(
        str(tmp_path / "labels.csv"), group_by="patient", split_fractions=(0.5, 0.25, 0.25)
    )
    assert any(
        "2 images are groups of their own" in line and "10.png, 11.png" in line
        for line in splits.inspection.warnings
    )


@pytest.mark.parametrize(("given", "divided"), [("test", 2), ("val,test", 9)])
def test_groups_that_given_splits_divide_are_named(tmp_path, given, divided):
    for split in ("train", *given.split(",")):
        for name in "ab":
            (tmp_path / split / name).mkdir(parents=True)
            for n in range(9):
                image = np.random.default_rng([ord(name), n, len(split)]).integers(
                    0, 255, (5, 5, 3)
                )
                path = tmp_path / split / name / f"p{n if split == 'train' else n + 7}-.png"
                Image.fromarray(image.astype(np.uint8)).save(path)
    splits = load_dataset(tmp_path, group_by=r"p\d+-")
    said = [line for line in splits.inspection.warnings if "DIVIDED" in line]
    assert len(said) == 1 and f"{divided} groups by" in said[0] and "p7-" in said[0]


def test_groups_of_data_with_all_splits_are_for_folds_alone_and_it_is_said(tmp_path):
    x, y = np.arange(60, dtype=np.uint8).reshape(-1, 1, 1), np.arange(60) % 2
    arrays = {f"{a}_{s}": v for s in ("train", "val", "test") for a, v in (("x", x), ("y", y))}
    np.savez(tmp_path / "x.npz", **arrays)
    splits = load_dataset(tmp_path / "x.npz", group_by=r"\d$")
    assert len(splits.train) == len(splits.val) == len(splits.test) == 60
    assert splits.train.groups.tolist() == splits.val.groups.tolist() == [n % 10 for n in range(60)]
    said = "10 groups by '\\\\d$': each lies in one fold of a cross-validation; no image"
    assert any(line.startswith(said) for line in splits.inspection.warnings)
    with pytest.raises(InputError, match="occurs in none"):
        load_dataset(tmp_path / "x.npz", group_by="z")
