"""A fixes.csv is applied to the images that it names by path and content, and to no others."""

import csv
import shutil

import numpy as np
import pytest
from PIL import Image

from tl_keras.checks import InputError
from tl_keras.data.fixes.fixes_file import (
    COLUMNS,
    SAME_AS,
    Fix,
    file_digest,
    read_fixes,
    write_fixes,
)
from tl_keras.data.inspection.fingerprints import content_hash
from tl_keras.data.loading import load_checked, load_dataset, load_parts, load_unsplit


@pytest.fixture
def folder(tmp_path):
    """A folder of two classes with six different images each."""
    random = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (tmp_path / "images" / name).mkdir(parents=True)
        for number in range(6):
            image = Image.fromarray(random.integers(0, 255, (12, 12, 3), np.uint8))
            image.save(tmp_path / "images" / name / f"{number}.png")
    return tmp_path / "images"


def digest(path):
    return content_hash(np.asarray(Image.open(path).convert("RGB"))).hex()


def fixes_of(folder, *fixes, file="fixes.csv"):
    """Writes a fixes.csv of (path, action, old, new) and returns its path."""
    rows = [Fix(path, digest(folder / path), *rest) for path, *rest in fixes]
    write_fixes(folder.parent / file, rows, str(folder))
    return str(folder.parent / file)


def loaded(folder, fixes):
    parts, _ = load_parts(folder, fixes=fixes)
    return {
        path[len(str(folder)) + 1 :]: parts["all"].class_names[label]
        for path, label in zip(parts["all"].ids, parts["all"].labels, strict=True)
    }


def test_images_are_left_out_and_relabelled_and_the_folder_is_as_it_was(folder, capsys):
    before = sorted(folder.rglob("*"))
    fixes = fixes_of(
        folder,
        ("cat/0.png", "drop", "cat", ""),
        ("cat/1.png", "relabel", "cat", "dog"),
        ("dog/0.png", "keep", "dog", ""),
    )
    found = loaded(folder, fixes)
    assert "cat/0.png" not in found and len(found) == 11
    assert found["cat/1.png"] == "dog" and found["dog/0.png"] == "dog"
    assert sorted(folder.rglob("*")) == before
    said = " ".join(capsys.readouterr().err.split())
    assert "1 images are left out, 1 have another class, 0 are kept together" in said
    assert "cat/0.png" in loaded(folder, None)  # without the file all is as it was


def test_groups_of_fixes_lie_in_one_split(folder):
    names = [f"cat/{number}.png" for number in (0, 2, 4)]
    fixes = fixes_of(folder, *((name, "group", "cat", "film 1") for name in names))
    for seed in range(6):
        splits = load_dataset(folder, seed=seed, fixes=fixes)
        homes = {part.split for part in splits[:3] for path in part.ids if path[-9:] in names}
        assert len(homes) == 1


def test_a_group_of_fixes_in_two_given_splits_is_one_and_others_are_not(tmp_path):
    folder, random = tmp_path / "images", np.random.default_rng(0)
    for split in ("train", "val", "test"):
        for name in ("cat", "dog"):
            (folder / split / name).mkdir(parents=True)
            for number in range(3):
                image = Image.fromarray(random.integers(0, 255, (12, 12, 3), np.uint8))
                image.save(folder / split / name / f"{number}.png")
    films = {"train/cat/0.png": "film 1", "train/cat/1.png": "film 1", "val/cat/2.png": "film 1"}
    films |= {"val/dog/0.png": "film 2", "val/dog/1.png": "film 2"}
    fixes = fixes_of(folder, *((path, "group", path[-9:-6], film) for path, film in films.items()))
    for group_by in (None, "duplicates"):
        train, val, test, _ = load_dataset(folder, fixes=fixes, group_by=group_by)
        groups = [*train.groups, *val.groups]
        assert groups[0] == groups[1] == groups[8] and groups[9] == groups[10]
        assert len(set(groups)) == len(groups) - 3 and test.groups is None


@pytest.mark.fault(55)
def test_a_moved_image_is_found_by_its_content_and_a_changed_one_is_left_alone(folder, capsys):
    fixes = fixes_of(folder, ("cat/0.png", "drop", "cat", ""), ("dog/3.png", "drop", "dog", ""))
    (folder / "cat" / "0.png").rename(folder / "cat" / "renamed.png")
    Image.new("RGB", (5, 5), "red").save(folder / "dog" / "3.png")
    found = loaded(folder, fixes)
    assert "cat/renamed.png" not in found and "dog/3.png" in found
    assert "NOT APPLIED: 1 fixes" in capsys.readouterr().err


def test_of_two_equal_images_the_named_one_is_dropped(folder):
    shutil.copy(folder / "cat" / "0.png", folder / "dog" / "copy.png")
    found = loaded(folder, fixes_of(folder, ("dog/copy.png", "drop", "dog", "")))
    assert "cat/0.png" in found and "dog/copy.png" not in found


def test_the_last_of_equal_images_is_not_left_out_once_its_copy_is_removed(folder, capsys):
    shutil.copy(folder / "cat" / "0.png", folder / "dog" / "copy.png")
    copy = Fix("dog/copy.png", digest(folder / "cat" / "0.png"), "drop", "dog", "", f"{SAME_AS}x")
    write_fixes(folder.parent / "fixes.csv", [copy], str(folder))
    (folder / "dog" / "copy.png").unlink()  # as the fix would
    assert "cat/0.png" in loaded(folder, str(folder.parent / "fixes.csv"))
    assert "0 images are left out" in " ".join(capsys.readouterr().err.split())


def test_a_class_that_was_changed_since_is_not_changed_again(folder, capsys):
    fixes = fixes_of(folder, ("cat/1.png", "relabel", "cat", "dog"))
    (folder / "cat" / "1.png").rename(folder / "dog" / "moved.png")  # mended by hand
    assert loaded(folder, fixes)["dog/moved.png"] == "dog"
    assert "0 have another class" in " ".join(capsys.readouterr().err.split())


@pytest.mark.fault(54)
def test_fixes_of_other_data_are_refused_in_one_line(folder, tmp_path):
    other = tmp_path / "other"
    (other / "cat").mkdir(parents=True)
    Image.new("RGB", (9, 9), "blue").save(other / "cat" / "0.png")
    fixes = fixes_of(other, ("cat/0.png", "drop", "cat", ""))
    with pytest.raises(InputError, match="none of whose images is there") as error:
        load_dataset(folder, fixes=fixes)
    assert "\n" not in str(error.value) and str(other) in str(error.value)


def test_a_new_class_that_does_not_exist_is_refused(folder):
    with pytest.raises(InputError, match=r"new class 'cow' for cat/1\.png.*cat, dog"):
        loaded(folder, fixes_of(folder, ("cat/1.png", "relabel", "cat", "cow")))


def test_a_file_that_cannot_be_read_is_dropped_by_its_bytes(folder):
    (folder / "cat" / "bad.png").write_bytes(b"no image")
    with pytest.raises(InputError, match="cannot be read"):
        load_dataset(folder)
    fix = Fix("cat/bad.png", file_digest(folder / "cat" / "bad.png"), "drop", "cat")
    write_fixes(folder.parent / "fixes.csv", [fix], "images")
    splits = load_dataset(folder, fixes=str(folder.parent / "fixes.csv"))
    assert sum(map(len, splits[:3])) == 12


def test_every_way_of_loading_takes_fixes(folder):
    fixes = fixes_of(folder, ("cat/0.png", "drop", "cat", ""))
    assert len(load_unsplit(folder, fixes=fixes)[0]) == 11
    assert len(load_checked(folder, fixes=fixes)[0]["all"]) == 11
    assert sum(map(len, load_dataset(folder, fixes=fixes)[:3])) == 11


def test_arrays_take_fixes_by_row(tmp_path):
    x = np.random.default_rng(0).integers(0, 255, (20, 4, 4), np.uint8)
    np.savez(tmp_path / "x.npz", x=x, y=np.arange(20) % 2)
    rgb = np.repeat(x[7][..., None], 3, axis=2)
    fix = Fix("7", content_hash(rgb).hex(), "relabel", "1", "0")
    write_fixes(tmp_path / "fixes.csv", [fix], "x.npz")
    parts, _ = load_parts(tmp_path / "x.npz", fixes=str(tmp_path / "fixes.csv"))
    assert parts["all"].labels[7] == 0 and parts["all"].labels.sum() == 9


def test_fixes_are_read_as_they_were_written(tmp_path):
    odd = 'cat/new\nline, "quoted" \u202e \udc80.png'
    fixes = [Fix(odd, "00", "relabel", "cat", "dog", "why, so"), Fix("b", "01", "keep")]
    write_fixes(tmp_path / "f.csv", fixes, "data")
    found = read_fixes(tmp_path / "f.csv")
    assert found.fixes == tuple(fixes) and found.source == "data"
    assert ",,data,,," in (tmp_path / "f.csv").read_text()  # images are known by digests of theirs


def test_a_file_that_a_spreadsheet_saved_again_is_read(tmp_path):
    fixes = [Fix("a, b.png", "00", "relabel", "cat", "dog", "why"), Fix("b", "01", "keep")]
    for separator in (",", ";"):
        with open(tmp_path / "f.csv", "w", newline="", encoding="utf-8-sig") as file:
            writer = csv.writer(file, delimiter=separator)
            writer.writerows([COLUMNS, ("data", "ff", "data", "", "", ""), *fixes])
        assert read_fixes(tmp_path / "f.csv").fixes == tuple(fixes)


@pytest.mark.fault(54)
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Expected the columns"),
        ("path,class\na,b\n", "Expected the columns"),
        (",".join(COLUMNS) + "\n", "a row that names the data"),
        (",".join(COLUMNS) + "\nd,0,data,,,\na,0,remove,,,\n", "action in line 3.*drop"),
        (",".join(COLUMNS) + "\nd,0,data,,,\na,0\n", "6 cells in line 3"),
    ],
)
def test_a_damaged_file_is_refused(text, words, tmp_path):
    (tmp_path / "f.csv").write_text(text)
    with pytest.raises(InputError, match=words):
        read_fixes(tmp_path / "f.csv")
    with pytest.raises(InputError, match="cannot be read"):
        read_fixes(tmp_path / "none.csv")
