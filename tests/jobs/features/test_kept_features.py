"""Features kept between commands: found by content, bounded, and never damaged or half-written."""

import os
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.jobs.small_runs import save_encoder, save_images
from tl_keras.checks import InputError
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.loading import load_unsplit
from tl_keras.evaluation.encoders.probes import extract_features
from tl_keras.jobs.features import kept_features as keeping
from tl_keras.jobs.features.encoder_features import build_encoder
from tl_keras.jobs.features.kept_features import kept_features

TOLERANCE = 1e-5  # of the largest feature, for a batch of another size


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return str(save_encoder(tmp_path_factory.mktemp("encoder") / "small.keras"))


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty place for kept features."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "tl_keras" / "features"


@pytest.fixture
def computed(monkeypatch):
    """Number of images that went through the encoder, one entry for each time."""
    counts = []

    def counted(encoder, images):
        counts.append(len(images))
        return extract_features(encoder, images)

    monkeypatch.setattr(keeping, "extract_features", counted)
    return counts


def images_of(seed, count=6):
    random = np.random.default_rng(seed)
    return ImageDataset.from_arrays(random.integers(0, 256, (count, 8, 8), np.uint8))


def features_in(folder, encoder):
    """{path: features} of the images in a folder."""
    images, inspection = load_unsplit(folder)
    found = kept_features(encoder, images, inspection.contents)
    return dict(zip(images.images, found, strict=True))


def assert_near(found, expected):
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE * np.abs(expected).max())


def test_the_first_call_gives_what_computing_gives_and_the_second_the_same(encoder, computed):
    images = images_of(0)
    expected = extract_features(build_encoder(encoder, images), images)
    assert np.array_equal(kept_features(encoder, images, {}), expected)
    assert np.array_equal(kept_features(encoder, images, {}), expected)
    assert computed == [6]


def test_only_an_image_that_is_new_is_computed(encoder, computed, tmp_path, capsys):
    data = save_images(tmp_path / "data", 4)
    whole = features_in(data, encoder)
    some = data / "green" / "0.png"
    shutil.move(some, tmp_path / "aside.png")
    removed = features_in(data, encoder)
    os.rename(data / "green" / "1.png", data / "green" / "renamed.png")
    renamed = features_in(data, encoder)
    assert computed == [12]
    assert np.array_equal(
        renamed[str(data / "green" / "renamed.png")], whole[str(some)[:-5] + "1.png"]
    )
    assert all(np.array_equal(row, whole[path]) for path, row in removed.items())
    shutil.copy(save_images(tmp_path / "others", 4, seed=9) / "green" / "0.png", some)
    capsys.readouterr()
    added = features_in(data, encoder)
    assert computed == [12, 1]
    assert "11 of 12 images were computed before" in capsys.readouterr().err
    images, _ = load_unsplit(data)
    together = extract_features(build_encoder(encoder, images), images)
    assert_near(np.stack([added[path] for path in images.images]), together)
    assert set(features_in(data, encoder)) == set(added)
    assert computed == [12, 1]


def test_copies_of_an_image_have_one_row(encoder, computed):
    pixels = images_of(0).images
    twice = ImageDataset.from_arrays(np.concatenate([pixels, pixels]))
    first = kept_features(encoder, twice, {})
    assert np.array_equal(first[:6], first[6:])
    assert np.array_equal(kept_features(encoder, twice, {}), first)
    assert computed == [12]


def test_other_images_sizes_and_encoders_are_not_taken_for_the_kept_ones(
    tmp_path, encoder, computed
):
    other = tmp_path / "copy.keras"
    shutil.copy(encoder, other)
    first = kept_features(encoder, images_of(0), {})
    assert not np.allclose(kept_features(encoder, images_of(1), {}), first)
    kept_features(str(other), images_of(0), {})
    kept_features(encoder, images_of(0), {}, image_size=16)
    assert computed == [6] * 4
    assert np.array_equal(kept_features(encoder, images_of(0), {}), first)
    assert len(computed) == 4


def test_another_number_format_is_another_encoder(encoder, computed):
    kept_features(encoder, images_of(0), {})
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        kept_features(encoder, images_of(0), {})
    finally:
        keras.config.set_dtype_policy("float32")
    assert computed == [6, 6]


@pytest.mark.parametrize("name", ["encoder.keras", "model.keras"])
def test_an_encoder_that_was_trained_on_is_another_one(tmp_path, encoder, name):
    run = tmp_path / "run"
    run.mkdir()
    shutil.copy(encoder, run / name)
    before = kept_features(str(run), images_of(0), {})
    model = keras.models.load_model(run / name)
    model.set_weights([2 * weight for weight in model.get_weights()])
    model.save(run / name)
    assert not np.allclose(kept_features(str(run), images_of(0), {}), before)


def test_features_of_random_weights_are_not_kept(folder, monkeypatch, encoder):
    monkeypatch.setattr(keeping, "build_encoder", lambda *_: keras.models.load_model(encoder))
    kept_features("mobilenet_v2", images_of(0), {}, weights="random")
    assert not folder.exists()


def test_a_file_that_holds_no_more_than_a_new_one_goes(folder, encoder):
    pixels = images_of(0, 8).images
    for count in (6, 7, 8):
        kept_features(encoder, ImageDataset.from_arrays(pixels[:count]), {})
    assert len(list(folder.iterdir())) == 1
    kept_features(encoder, images_of(1), {})
    assert len(list(folder.iterdir())) == 2


def test_files_used_longest_ago_are_dropped(folder, encoder, computed, monkeypatch):
    monkeypatch.setattr(keeping, "KEPT", 2)
    for seed in (0, 1, 0, 2):
        kept_features(encoder, images_of(seed), {})
    assert len(list(folder.iterdir())) == 2
    assert computed == [6, 6, 6]
    kept_features(encoder, images_of(0), {})
    kept_features(encoder, images_of(2), {})
    assert computed == [6, 6, 6]
    kept_features(encoder, images_of(1), {})
    assert computed == [6, 6, 6, 6]


def test_bytes_on_disk_are_bounded(folder, encoder, computed, monkeypatch, capsys):
    kept_features(encoder, images_of(0), {})
    size = sum(file.stat().st_size for file in folder.iterdir())
    monkeypatch.setattr(keeping, "ROOM", 2 * size)
    for seed in range(1, 4):
        kept_features(encoder, images_of(seed), {})
        assert sum(file.stat().st_size for file in folder.iterdir()) <= 2 * size
    assert "not kept" not in capsys.readouterr().err
    monkeypatch.setattr(keeping, "ROOM", 100)
    kept_features(encoder, images_of(9), {})
    assert "GB and are not kept" in capsys.readouterr().err
    kept_features(encoder, images_of(3), {})
    assert computed == [6] * 5


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"damaged",
        lambda data: b"",
        lambda data: data[:-1],
        lambda data: data[:-3] + bytes([data[-3] ^ 1]) + data[-2:],
        lambda data: data[:9] + bytes([data[9] ^ 255]) + data[10:],
    ],
)
def test_a_damaged_file_is_named_and_computed_again(folder, encoder, computed, capsys, damage):
    first = kept_features(encoder, images_of(0), {})
    (file,) = folder.iterdir()
    file.write_bytes(damage(file.read_bytes()))
    assert np.array_equal(kept_features(encoder, images_of(0), {}), first)
    assert f"DAMAGED FEATURES: those in {file} are computed again." in capsys.readouterr().err
    assert np.array_equal(kept_features(encoder, images_of(0), {}), first)
    assert computed == [6, 6]


def test_two_processes_at_once_lose_and_damage_nothing(folder, encoder, monkeypatch, capsys):
    pixels = images_of(0, 8).images
    kept_features(encoder, ImageDataset.from_arrays(pixels[:4]), {})
    mine, theirs = ImageDataset.from_arrays(pixels[:6]), ImageDataset.from_arrays(pixels[2:])

    def interrupted(encoder_model, images):  # the other one runs from start to end meanwhile
        monkeypatch.setattr(keeping, "extract_features", extract_features)
        kept_features(encoder, theirs, {})
        return extract_features(encoder_model, images)

    monkeypatch.setattr(keeping, "extract_features", interrupted)
    found = kept_features(encoder, mine, {})
    monkeypatch.setattr(keeping, "extract_features", None)
    assert np.array_equal(kept_features(encoder, mine, {}), found)
    kept_features(encoder, theirs, {})
    assert "DAMAGED" not in capsys.readouterr().err


def test_a_file_that_another_process_removes_is_computed_again_without_a_word(
    encoder, monkeypatch, capsys
):
    first = kept_features(encoder, images_of(0), {})
    read = Path.read_bytes

    def vanishing(path):
        path.unlink()
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", vanishing)
    assert np.array_equal(kept_features(encoder, images_of(0), {}), first)
    assert "FEATURES" not in capsys.readouterr().err


def test_without_room_on_the_disk_nothing_is_half_written(folder, encoder, monkeypatch, capsys):
    def full(path, data):
        with open(path, "wb") as file:
            file.write(bytes(data)[:50])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    found = kept_features(encoder, images_of(0), {})
    assert found.shape[0] == 6
    assert "not kept for later commands: Expected to be able to write" in capsys.readouterr().err
    assert not list(folder.iterdir())


def test_no_images_are_refused(encoder):
    with pytest.raises(InputError):
        kept_features(encoder, images_of(0).subset([]), {})
