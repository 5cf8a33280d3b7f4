"""Copies within a data set and the groups that they form."""

import numpy as np
import pytest
from PIL import Image

from tl_keras.data.dataset import ImageDataset
from tl_keras.data.grouping import copies
from tl_keras.data.grouping import groups as grouping
from tl_keras.data.grouping.copies import Copies, find_copies, groups_of, without_look_alikes
from tl_keras.data.loading import load_dataset
from tl_keras.data.splits import joined


def scene(random):
    """A photograph-like image: smooth blobs and some detail."""
    coarse = Image.fromarray(random.integers(0, 255, (6, 6, 3), np.uint8))
    image = np.asarray(coarse.resize((64, 64), Image.Resampling.BICUBIC)).astype(int)
    return np.clip(image + random.normal(0, 12, image.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A folder of two classes with 24 photographs each; a0 has copies a24 to a27, b0 has b24."""
    folder, random = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for name in "ab":
        (folder / name).mkdir()
        for number in range(24):
            Image.fromarray(scene(random)).save(folder / name / f"{name}{number:02}.png")
    first = Image.open(folder / "a" / "a00.png")
    for number in range(24, 28):
        first.save(folder / "a" / f"a{number}.jpg", quality=60 + 8 * (number - 24))
    Image.open(folder / "b" / "b00.png").save(folder / "b" / "b24.png")
    return folder


def test_copies_are_kept_in_one_split_and_it_is_said(photos):
    for seed in range(4):
        plain = load_dataset(photos, seed=seed)
        grouped = load_dataset(photos, seed=seed, group_by="duplicates")
        assert not grouped.inspection.leaks
        homes = {
            path[len(str(photos)) + 3 :][:3]: part.split
            for part in grouped[:3]
            for path in part.ids
        }
        assert len({homes[f"a{number:02}"] for number in (0, 24, 25, 26, 27)}) == 1
        assert homes["b00"] == homes["b24"]
        assert "7 images are the same or nearly the same" in grouped.inspection.warnings[0]
        # as many of each class as without groups, up to the groups' sizes
        for one, other in zip(plain[:3], grouped[:3], strict=True):
            assert abs(len(one) - len(other)) <= 2
    assert any(load_dataset(photos, seed=seed).inspection.leaks for seed in range(4))


def test_without_copies_the_splits_are_those_of_before(photos, tmp_path):
    for path in photos.rglob("*.png"):
        if path.stem != "b24":
            (tmp_path / path.parent.name).mkdir(exist_ok=True)
            (tmp_path / path.parent.name / path.name).symlink_to(path)
    plain, grouped = load_dataset(tmp_path), load_dataset(tmp_path, group_by="duplicates")
    for one, other in zip(plain[:3], grouped[:3], strict=True):
        assert one.ids == other.ids
    assert grouped.train.groups is None and not grouped.inspection.warnings


@pytest.fixture(scope="module")
def own_folders(tmp_path_factory):
    """Own train, val and test folders: a0 has two copies in train and one in val, b1 one in val."""
    folder, random = tmp_path_factory.mktemp("own"), np.random.default_rng(0)
    for split in ("train", "val", "test"):
        for name in "ab":
            (folder / split / name).mkdir(parents=True)
            for number in range(12 if split == "train" else 4):
                Image.fromarray(scene(random)).save(folder / split / name / f"{number:02}.png")
    for original, copy in (
        ("a/00", "train/a/x"),
        ("a/00", "train/a/y"),
        ("a/00", "val/a/x"),
        ("b/01", "val/b/x"),
    ):
        image = Image.open(folder / "train" / f"{original}.png")
        image.save(folder / f"{copy}.jpg", quality=70 + len(copy) + ord(copy[-1]) % 3)
    return folder


def named_groups(splits):
    """{"split/class/stem": group} of train and val."""
    return {
        "/".join(path.rsplit("/", 3)[1:]).rsplit(".", 1)[0]: group
        for part in splits[:2]
        for path, group in zip(part.ids, part.groups, strict=True)
    }


@pytest.mark.parametrize("test_folder", [True, False])
def test_copies_in_given_splits_are_in_one_group_of_train_and_val(
    own_folders, tmp_path, test_folder
):
    for split in ("train", "val", "test")[: 2 + test_folder]:
        (tmp_path / split).symlink_to(own_folders / split)
    plain = load_dataset(tmp_path)
    splits = load_dataset(tmp_path, group_by="duplicates")
    groups, found = named_groups(splits), splits.inspection
    if test_folder:
        assert [part.ids for part in splits[:3]] == [part.ids for part in plain[:3]]
        assert found.leaks == plain.inspection.leaks and found.leaks
        said = "6 images are the same or nearly the same as others: each of 2 groups lies in one f"
        assert found.warnings[0].startswith(said)
    else:
        assert splits.val.ids == plain.val.ids and plain.val.groups is None
        groups = groups | {"train/a/00": groups["val/a/x"]}  # all of it may be in the test split
        said = "3 images are the same or nearly the same as others: each of 1 groups lies in one s"
        assert found.warnings[0].startswith(said)
    large = [{name for name in groups if groups[name] == group} for group in groups.values()]
    large = {frozenset(each) for each in large if len(each) > 1}
    a = {"train/a/00", "train/a/x", "train/a/y", "val/a/x"}
    expected = {frozenset(a & set(groups)), frozenset({"train/b/01", "val/b/x"})}
    assert large == expected
    assert len(set(joined(splits[:2]).groups)) == len(set(groups.values()))


def test_of_too_many_images_near_copies_are_grouped_within_train_alone(own_folders, monkeypatch):
    monkeypatch.setattr(copies, "MOST_SEARCHED", 30)  # 26 in train, 10 in val
    monkeypatch.setattr(grouping, "MOST_SEARCHED", 30)
    splits = load_dataset(own_folders, group_by="duplicates")
    sizes = np.unique(list(named_groups(splits).values()), return_counts=True)[1]
    assert sorted(sizes)[-2:] == [1, 3]
    assert any("within train alone" in line for line in splits.inspection.warnings)
    monkeypatch.setattr(copies, "MOST_SEARCHED", 20)
    assert load_dataset(own_folders, group_by="duplicates").train.groups is None


def test_equal_rows_of_an_array_are_pairs_with_the_first():
    x = np.arange(12, dtype=np.uint8).reshape(6, 2, 1).repeat(2, axis=2)
    x[[3, 5]] = x[1]
    copies = find_copies(ImageDataset.from_arrays(x), {})
    assert copies.pairs.tolist() == [[1, 3], [1, 5]] and copies.ratios.tolist() == [0, 0]
    assert not copies.searched
    assert groups_of(copies.pairs, 6).tolist() == [0, 1, 2, 1, 4, 1]
    assert groups_of(np.empty((0, 2)), 3).tolist() == [0, 1, 2]


def test_where_many_images_look_alike_only_the_nearest_pairs_are_copies():
    chain = np.stack([np.arange(29), np.arange(1, 30)], axis=1)
    pairs = np.concatenate([chain, [[40, 41], [50, 51], [3, 60]]])
    ratios = np.append(np.full(29, 0.5), [0.5, 0.1, 0])
    kept, alike = without_look_alikes(Copies(pairs, ratios, True), 100)
    assert kept.pairs.tolist() == [[50, 51], [3, 60]] and alike == 32
    kept, alike = without_look_alikes(Copies(pairs, ratios, True), 400)
    assert len(kept.pairs) == 32 and alike == 0  # a film of thirty frames in a larger data set


def test_a_class_of_copies_alone_is_split_all_the_same_and_it_is_said(tmp_path):
    random = np.random.default_rng(1)
    for name in "ab":
        (tmp_path / name).mkdir()
    for number in range(6):
        Image.fromarray(scene(random)).save(tmp_path / "a" / f"{number}.png")
    one = Image.fromarray(scene(random))
    for number in range(4):
        one.save(tmp_path / "b" / f"{number}.png")
    splits = load_dataset(tmp_path, group_by="duplicates")
    assert splits.test.class_counts() == {"a": 1, "b": 1}
    assert any("NOT GROUPED" in line and "'b'" in line for line in splits.inspection.warnings)
    assert splits.inspection.leaks.counts["same"]


def test_copies_of_mixed_classes_that_cannot_be_divided_are_no_reason_to_refuse(tmp_path):
    values = [0, 0, 2, 1, 2, 4, 4, 5, 3, 4, 5, 1, 5, 0, 1]
    labels = [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 0, 0, 2]
    x = np.array(values, np.uint8).reshape(-1, 1, 1) * np.ones((1, 2, 2), np.uint8)
    np.savez(tmp_path / "x.npz", x=x, y=labels)
    splits = load_dataset(tmp_path / "x.npz", seed=156, group_by="duplicates")
    assert sum(map(len, splits[:3])) == len(labels)
    assert any("NOT GROUPED" in line for line in splits.inspection.warnings)
