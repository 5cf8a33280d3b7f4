"""A file of labels is a source of images."""

import os

import pytest

from tests.data.images import fill_classes
from tl_keras.checks import InputError
from tl_keras.data.loading import load_dataset, load_images, load_parts, load_unsplit
from tl_keras.data.sources.label_rows import NONE_OF_THESE, LabelLog, LabelRow, read_column


@pytest.fixture
def labelled(tmp_path):
    """A folder of ten images and the labels of nine: eight of two classes, one of none."""
    folder = tmp_path / "photos"
    fill_classes(folder, {"one": 5, "two": 5})
    _, inspection = load_unsplit(folder)
    contents = {path[len(str(folder)) + 1 :]: mark for path, mark in inspection.contents.items()}
    log = LabelLog(tmp_path / "run" / "labels.csv", folder)
    names = sorted(contents)[:-1]
    labels = ["dog", "cat"] * 4 + [NONE_OF_THESE]
    rows = map(LabelRow, names, labels, (contents[name] for name in names))
    log.append([LabelRow(names[0], "cat"), *rows])
    return log.path


def test_images_have_the_labels_of_the_file(labelled):
    splits = load_dataset(labelled, split_fractions=(0.5, 0.25, 0.25))
    assert [part.class_counts() for part in splits[:3]] == [
        {"cat": 2, "dog": 2},
        {"cat": 1, "dog": 1},
        {"cat": 1, "dog": 1},
    ]
    assert splits.inspection.warnings == (
        f"1 images of {labelled} that belong to none of these classes are left out.",
    )


def test_commands_that_need_no_labels_take_the_same_images(labelled):
    dataset, _ = load_unsplit(labelled)
    assert len(dataset) == 8 and dataset.class_names == ("cat", "dog")
    assert dataset.source.endswith("photos") and dataset.labels.tolist() == [1, 0] * 4
    images, inspection = load_images(labelled)
    assert images.labels is None and len(images) == 8 and len(inspection.warnings) == 1


@pytest.mark.parametrize("what", ["changed", "gone"])
def test_an_image_that_is_not_as_it_was_is_named_and_refused_or_left_out(labelled, what):
    path = labelled.parent.parent / "photos" / "one" / "0.png"
    words = r"one/0\.png: the file does not exist"
    if what == "changed":
        path.write_bytes((path.parent / "1.png").read_bytes())
        words = r"one/0\.png: its pixels have changed since it was labelled"
    else:
        path.unlink()
    for load in (load_dataset, load_parts, load_images):
        with pytest.raises(InputError, match=words):
            load(labelled)
        found = load(labelled, on_bad_image="skip")
        inspection = found[-1]
        assert [bad for bad, _ in inspection.bad] == [str(path)]
    assert len(load_images(labelled, on_bad_image="skip")[0]) == 7


def test_a_moved_folder_is_named_by_the_first_line(labelled):
    photos = labelled.parent.parent / "photos"
    photos.rename(labelled.parent / "moved")
    with pytest.raises(InputError, match=r"photos, which is not there.*first line"):
        load_dataset(labelled)
    lines = labelled.read_text().splitlines()
    labelled.write_text("\n".join(["# images in moved", *lines[1:], ""]))
    assert len(load_images(labelled)[0]) == 8


def test_paths_of_a_table_of_ones_own_begin_beside_it(labelled):
    photos = labelled.parent.parent / "photos"
    table = photos / "mine.CSV"
    table.write_text("path,class\n" + "".join(f"one/{n}.png,{'ab'[n % 2]}\n" for n in range(4)))
    assert load_parts(table)[0]["all"].class_counts() == {"a": 2, "b": 2}


def test_a_table_in_the_current_folder_is_taken(labelled, monkeypatch):
    photos = labelled.parent.parent / "photos"
    (photos / "mine.csv").write_text(
        "path,class\n" + "".join(f"one/{n}.png,{'ab'[n % 2]}\n" for n in range(4))
    )
    monkeypatch.chdir(photos)
    assert load_parts("mine.csv")[0]["all"].class_counts() == {"a": 2, "b": 2}


def test_an_image_has_one_name_however_its_path_is_written(labelled):
    photos = labelled.parent.parent / "photos"
    rows = "./one/0.png,a,p\none/1.png,b,q\none/../one/0.png,b,q\n"
    (photos / "mine.csv").write_text(f"path,class,patient\n{rows}{photos}/two/0.png,a,p\n")
    dataset, _ = load_unsplit(photos / "mine.csv")
    names = ["one/0.png", "one/1.png", "two/0.png"]
    assert sorted(dataset.ids) == [str(photos / name) for name in names]
    assert dict(zip(dataset.ids, dataset.labels, strict=True))[str(photos / names[0])] == 1
    assert os.path.samefile(dataset.source, photos)
    cells = read_column(photos / "mine.csv", "patient")
    assert cells == dict(zip(names, "qqp", strict=True))


def test_labels_of_one_class_or_none_are_too_few(labelled):
    lines = labelled.read_text().splitlines(keepends=True)
    labelled.write_text("".join(line for line in lines if ",dog," not in line))
    with pytest.raises(InputError, match=r"two classes or more.*5 images of cat alone"):
        load_dataset(labelled)
    assert load_images(labelled)[0].class_names == ()
    labelled.write_text("".join(lines[:2]))
    with pytest.raises(InputError, match=r"labelled images in .*labels\.csv; received none"):
        load_images(labelled)
