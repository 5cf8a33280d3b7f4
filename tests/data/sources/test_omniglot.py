"""Omniglot's layout in folders and .zip files, drawn with letters."""

import shutil
import zipfile

import numpy as np
import pytest
from PIL import Image

from tl_keras import ImageDataset, draw_letters
from tl_keras.checks import InputError
from tl_keras.data.sources.omniglot import (
    alphabets_of,
    groups_in,
    is_omniglot,
    load_omniglot,
    oriented_classes,
    split_alphabets,
)

ALPHABETS = {"Abc": 3, "Deg": 4, "Hiq": 2}
DRAWERS = 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three alphabets of letters by three drawers, 105 x 105, dark on white."""
    root = tmp_path_factory.mktemp("omniglot") / "images_background_small1"
    images, labels = draw_letters(DRAWERS, image_size=28)
    number = 0
    for alphabet, count in ALPHABETS.items():
        for character in range(1, count + 1):
            place = root / alphabet / f"character{character:02d}"
            place.mkdir(parents=True)
            for drawer, row in enumerate(np.flatnonzero(labels == number), 1):
                image = Image.fromarray(255 - images[row]).resize((105, 105))
                image.convert("1").save(place / f"{number:04d}_{drawer:02d}.png")
            number += 1
    return root


@pytest.fixture(scope="module")
def archive(folder):
    path = folder.parent / "small1.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("__MACOSX/x/Abc/character01/0000_01.png", b"junk")
        for image in folder.rglob("*.png"):
            file.write(image, image.relative_to(folder.parent))
    return path


def test_folder_and_zip_file_hold_the_same_dark_ink_on_white(folder, archive):
    first, second = load_omniglot(folder), load_omniglot(archive)
    np.testing.assert_array_equal(first.images.images, second.images.images)
    assert first.images.images.shape == (27, 105, 105) and first.images.is_grayscale
    assert set(np.unique(first.images.images)) == {0, 255}
    assert first.images.images.mean() > 128, "most is paper"
    names = first.images.class_names
    assert names[0] == "Abc/character01" and len(names) == 9
    assert first.alphabets == ("Abc", "Deg", "Hiq")
    for label in range(9):
        assert sorted(first.drawers[first.images.labels == label]) == [1, 2, 3]
    assert is_omniglot(folder) and is_omniglot(folder.parent / "small1.zip")
    assert load_omniglot(folder, image_size=28).images.images.shape == (27, 28, 28)


def test_an_alphabet_in_two_sources_is_one_and_its_copies_are_loaded_once(folder, tmp_path):
    other = tmp_path / "small2"
    shutil.copytree(folder / "Abc", other / "Abc")
    shutil.copytree(folder / "Deg", other / "New")
    both = load_omniglot(folder, other)
    assert both.alphabets == ("Abc", "Deg", "Hiq", "New")
    counts = both.images.class_counts()
    assert set(counts.values()) == {DRAWERS}
    assert both.without(["Abc", "Deg", "absent"]).alphabets == ("Hiq", "New")


def test_parts_keep_alphabets_apart_and_number_classes_anew(folder):
    whole = load_omniglot(folder, image_size=16)
    parts = split_alphabets(whole, (0.8, 0.1, 0.1), seed=3)
    names = [name for part in parts for name in part.alphabets]
    assert sorted(names) == sorted(whole.alphabets)
    for part in parts:
        labels = part.images.labels
        assert sorted(set(labels)) == list(range(part.images.num_classes))
        for row in range(len(labels)):
            name = part.images.class_names[labels[row]]
            there = whole.images.labels == whole.images.class_names.index(name)
            assert (whole.images.images[there] == part.images.images[row]).all((1, 2)).any()
    assert split_alphabets(whole, (0.8, 0.1, 0.1), seed=3)[0].alphabets == parts[0].alphabets
    with pytest.raises(InputError, match="at least three alphabets"):
        split_alphabets(whole.of_alphabets(["Abc", "Deg"]), (0.8, 0.1, 0.1), 0)
    with pytest.raises(InputError, match="alphabet to be one of"):
        whole.of_alphabets(["Greek"])


def test_orientations_are_classes_and_alphabets_of_their_own():
    images = np.arange(32, dtype=np.uint8).reshape(2, 4, 4)
    data = ImageDataset.from_arrays(images, [0, 1], class_names=["A/character01", "A/character02"])
    turned = oriented_classes(data)
    assert len(turned) == 16 and turned.num_classes == 16
    assert set(alphabets_of(turned.class_names)) == {
        *("A", "A@90", "A@180", "A@270", "A@0m", "A@90m", "A@180m", "A@270m")
    }
    at = turned.class_names.index("A@90/character02")
    np.testing.assert_array_equal(turned.images[turned.labels == at][0], np.rot90(images[1]))
    at = turned.class_names.index("A@0m/character01")
    np.testing.assert_array_equal(turned.images[turned.labels == at][0], images[0, :, ::-1])
    assert len({image.tobytes() for image in turned.images}) == 16
    assert oriented_classes(data, mirror=False).num_classes == 8
    with pytest.raises(InputError, match="square images"):
        oriented_classes(ImageDataset.from_arrays(np.zeros((2, 4, 5)), [0, 1]))


def test_classes_without_alphabets_have_no_groups():
    assert groups_in(ImageDataset.from_arrays(np.zeros((2, 4, 4)), [0, 1])) is None


def test_other_sources_are_refused_and_a_damaged_image_is_named(folder, tmp_path):
    (tmp_path / "cats").mkdir()
    Image.new("L", (4, 4)).save(tmp_path / "cats" / "a.png")
    assert not is_omniglot(tmp_path) and not is_omniglot(tmp_path / "cats" / "a.png")
    with pytest.raises(InputError, match="ALPHABET/characterNN.*cats"):
        load_omniglot(tmp_path / "cats")
    with pytest.raises(InputError, match="nothing.zip: No such file"):
        load_omniglot(tmp_path / "nothing.zip")
    (tmp_path / "cut.zip").write_bytes(b"PK no archive")
    with pytest.raises(InputError, match="cut.zip: File is not a zip file"):
        load_omniglot(tmp_path / "cut.zip")
    damaged = tmp_path / "damaged.zip"
    with zipfile.ZipFile(damaged, "w") as file:
        file.writestr("A/character01/0001_01.png", b"\x89PNG no image")
    with pytest.raises(InputError, match="damaged.zip/A/character01/0001_01.png"):
        load_omniglot(damaged)
