"""Predictions for images of any name, one row per file."""

import os
import shutil

import keras
import numpy as np
import pytest
from PIL import Image

from tests.jobs.small_runs import CLASSES, probabilities_of, table_rows
from tl_keras.checks import InputError
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.images import read_image, resize_image
from tl_keras.files import unescape_controls
from tl_keras.jobs.finished.predict import _batches, predict
from tl_keras.jobs.shard import shard
from tl_keras.settings.image_source import ShardSettings


@pytest.fixture
def picture(colours):
    return colours / "green" / "0.png"


def _rows(run, paths, **settings):
    return table_rows(predict(run, paths, **settings))


def test_table_has_one_row_a_file_and_one_header(finished_run, colours, tmp_path):
    out = tmp_path / "predictions.csv"
    rows = _rows(finished_run, [str(colours)], out=out, batch_size=7)
    assert list(rows[0]) == ["path", "label", "probability", "error", *(f"p({n})" for n in CLASSES)]
    assert out.read_text(encoding="utf-8").count("probability,error") == 1
    found = [str(path) for path in sorted(colours.rglob("*.png"))]
    assert sorted(row["path"] for row in rows) == found


def test_probabilities_sum_to_one_and_the_label_is_the_largest(finished_run, colours, tmp_path):
    rows = _rows(finished_run, [str(colours)], out=tmp_path / "out.csv")
    values = probabilities_of(rows, CLASSES)
    np.testing.assert_allclose(values.sum(1), 1, atol=1e-5)
    assert [row["label"] for row in rows] == [CLASSES[best] for best in values.argmax(1)]
    assert [float(row["probability"]) for row in rows] == values.max(1).tolist()


def test_easy_colours_get_their_names(finished_run, colours, tmp_path):
    rows = _rows(finished_run, [str(colours)], out=tmp_path / "out.csv")
    right = [row["label"] == row["path"].split("/")[-2] for row in rows]
    assert np.mean(right) >= 0.75


def test_order_and_batch_size_do_not_change_a_picture(finished_run, colours, tmp_path):
    files = sorted(map(str, colours.rglob("*.png")))
    together = _rows(finished_run, files, out=tmp_path / "a.csv", batch_size=36)
    single = _rows(finished_run, files[::-1], out=tmp_path / "b.csv", batch_size=5)[::-1]
    assert [row["path"] for row in together] == [row["path"] for row in single] == files
    np.testing.assert_allclose(
        probabilities_of(together, CLASSES), probabilities_of(single, CLASSES), atol=2e-6
    )


def test_unreadable_file_has_its_reason_in_its_row(finished_run, picture, tmp_path):
    (tmp_path / "cut.png").write_bytes(picture.read_bytes()[:60])
    (tmp_path / "page.jpg").write_text("<html>not found</html>")
    (tmp_path / "empty.png").touch()
    names = ["cut.png", "page.jpg", "empty.png"]
    paths = [*(str(tmp_path / name) for name in names), str(picture)]
    rows = _rows(finished_run, paths, out=tmp_path / "out.csv")
    assert [row["path"] for row in rows] == paths
    for row in rows[:3]:
        assert row["error"]
        assert {value for key, value in row.items() if key not in ("path", "error")} == {""}
    assert rows[3]["error"] == ""
    assert rows[3]["label"] in CLASSES


def test_unreadable_neighbours_do_not_change_a_picture(finished_run, picture, tmp_path):
    (tmp_path / "empty.png").touch()
    alone = _rows(finished_run, [str(picture)], out=tmp_path / "a.csv")
    beside = _rows(
        finished_run, [str(tmp_path / "empty.png"), str(picture)], out=tmp_path / "b.csv"
    )
    np.testing.assert_allclose(
        probabilities_of(beside[1:], CLASSES), probabilities_of(alone, CLASSES), atol=2e-6
    )


@pytest.mark.parametrize(
    "name",
    [
        *("mit Leerzeichen.png", "猫 и кот.png", "two\nlines.png", 'a "quoted", comma.png'),
        "\x1b]0;title\x07\x1b[2J.png",
    ],
)
@pytest.mark.fault(20)
def test_any_file_name_comes_back_from_the_table(name, finished_run, picture, tmp_path):
    shutil.copy(picture, tmp_path / name)
    predict(finished_run, [str(tmp_path / name)], out=tmp_path / "out.csv")
    [row] = table_rows(tmp_path / "out.csv")
    assert unescape_controls(row["path"]) == str(tmp_path / name)
    assert row["path"].isprintable()


def test_file_name_that_is_no_text_is_written_escaped(finished_run, picture, tmp_path):
    path = f"{tmp_path}/bad\udcff.png"
    shutil.copy(picture, path)
    rows = _rows(finished_run, [path], out=tmp_path / "out.csv")
    assert rows[0]["label"] in CLASSES
    assert table_rows(tmp_path / "out.csv")[0]["path"] == f"{tmp_path}/bad\\udcff.png"


def test_folders_are_searched_to_the_bottom_and_other_files_left(finished_run, picture, tmp_path):
    (tmp_path / "in" / "a" / "b").mkdir(parents=True)
    shutil.copy(picture, tmp_path / "in" / "a" / "b" / "deep.png")
    shutil.copy(picture, tmp_path / "in" / "top.png")
    (tmp_path / "in" / "readme.txt").write_text("no picture")
    (tmp_path / "in" / "a" / "loop").symlink_to(tmp_path / "in")
    rows = _rows(finished_run, [str(tmp_path / "in")], out=tmp_path / "out.csv")
    assert [row["path"].removeprefix(str(tmp_path)) for row in rows] == [
        "/in/a/b/deep.png",
        "/in/top.png",
    ]


def test_file_named_twice_has_one_row(finished_run, picture, tmp_path):
    rows = _rows(
        finished_run, [str(picture), str(picture.parent), str(picture)], out=tmp_path / "out.csv"
    )
    assert len(rows) == 12


@pytest.mark.fault(10)
def test_turned_photo_is_seen_as_in_training(finished_run, tmp_path):
    """The EXIF orientation is applied in prediction too."""
    pixels = np.zeros((16, 16, 3), np.uint8)
    pixels[:5] = 255, 0, 0
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter to the right when shown
    Image.fromarray(pixels).save(tmp_path / "turned.png", exif=exif)
    Image.fromarray(np.rot90(pixels, -1)).save(tmp_path / "upright.png")
    rows = _rows(
        finished_run,
        [str(tmp_path / name) for name in ("turned.png", "upright.png")],
        out=tmp_path / "out.csv",
    )
    turned, upright = probabilities_of(rows, CLASSES)
    np.testing.assert_allclose(turned, upright, atol=2e-6)


@pytest.mark.parametrize("side", [None, 16])
def test_images_in_shards_have_the_predictions_of_their_files(
    side, finished_run, colours, tmp_path
):
    shards = str(tmp_path / "shards")
    shard(ShardSettings(data=str(colours), out=shards, image_size=side))
    found = [_rows(finished_run, [d], out=tmp_path / "out.csv") for d in (str(colours), shards)]
    files, packed = (
        {row["path"].removeprefix(folder): row for row in rows}
        for folder, rows in zip((str(colours), shards), found, strict=True)
    )
    assert files.keys() == packed.keys()
    one, other = (probabilities_of([d[k] for k in files], CLASSES) for d in (files, packed))
    np.testing.assert_allclose(one, other, atol=2e-6)


def test_rows_are_written_as_they_come(finished_run, picture, tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    for number in range(150):  # rows of 100 bytes, written 8 kB at a time
        (tmp_path / "in" / f"{number}.png").symlink_to(picture)
    written = []

    def watched(images, *arguments):
        for batch in _batches(images, *arguments):
            [part] = tmp_path.glob(".part-*")
            written.append(part.stat().st_size)
            yield batch

    monkeypatch.setattr("tl_keras.jobs.finished.predict._batches", watched)
    predict(finished_run, [str(tmp_path / "in")], out=tmp_path / "out.csv", batch_size=5)
    assert written[-1] > written[0] == 0


def test_explained_images_have_a_heatmap_each_in_their_own_proportions(
    finished_run, picture, tmp_path
):
    Image.fromarray(np.full((30, 60, 3), 90, np.uint8)).save(tmp_path / 'wide "ü"\n.png')
    (tmp_path / "empty.png").touch()
    paths = [str(tmp_path / 'wide "ü"\n.png'), str(tmp_path / "empty.png"), str(picture)]
    out = tmp_path / "out.csv"
    plain = _rows(finished_run, paths, out=out, batch_size=2)
    rows = _rows(finished_run, paths, out=out, batch_size=2, explain=True)
    names = [row.pop("heatmap") for row in rows]
    assert rows == plain
    assert names == ["000001-wide_.jpg", "", "000002-0.jpg"]
    folder = tmp_path / "out-heatmaps"
    assert sorted(os.listdir(folder)) == ["000001-wide_.jpg", "000002-0.jpg"]
    assert Image.open(folder / names[0]).size == (448, 224)
    drawn = np.asarray(Image.open(folder / names[2])).astype(int)
    assert np.ptp(drawn[..., 0]) > 50
    again = _rows(finished_run, paths[:1], out=out, explain=True)  # its own files are replaced
    assert os.listdir(folder) == [again[0]["heatmap"]] == ["000001-wide_.jpg"]
    assert not list(tmp_path.glob(".part-*"))


def test_a_folder_of_other_files_is_not_replaced_by_heatmaps(finished_run, picture, tmp_path):
    (tmp_path / "out-heatmaps").mkdir()
    (tmp_path / "out-heatmaps" / "mine.jpg").touch()
    with pytest.raises(InputError, match="one with 'mine.jpg'. Nothing was changed"):
        predict(finished_run, [str(picture)], out=tmp_path / "out.csv", explain=True)
    assert os.listdir(tmp_path) == ["out-heatmaps"]


def test_without_feature_maps_there_is_no_table_either(copied_run, picture, tmp_path):
    image = keras.Input((16, 16, 3))
    outputs = keras.layers.Dense(3, activation="softmax")(keras.layers.Flatten()(image))
    keras.Model(image, outputs).save(copied_run / "model.keras")
    with pytest.raises(InputError, match="no heatmap"):
        predict(copied_run, [str(picture)], out=tmp_path / "out" / "out.csv", explain=True)
    assert not os.listdir(tmp_path / "out")


def test_missing_path_is_refused_before_anything_is_written(finished_run, picture, tmp_path):
    with pytest.raises(InputError, match="received .*nowhere.png, which does not exist"):
        predict(finished_run, [str(picture), "nowhere.png"], out=tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_folder_without_images_is_refused(finished_run, tmp_path):
    with pytest.raises(InputError, match="Expected images in .*; received none"):
        predict(finished_run, [str(tmp_path)], out=tmp_path / "out.csv")


def test_batch_size_below_one_is_refused(finished_run, picture, tmp_path):
    with pytest.raises(InputError, match="batch_size to be an integer >= 1; received batch_size=0"):
        predict(finished_run, [str(picture)], out=tmp_path / "out.csv", batch_size=0)


def test_table_that_cannot_be_written_names_its_path(finished_run, picture):
    with pytest.raises(InputError, match="able to write /proc/out.csv"):
        predict(finished_run, [str(picture)], out="/proc/out.csv")


def test_training_and_prediction_see_the_same_pixels_of_a_large_jpeg(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (900, 960, 3), np.uint8)
    path = str(tmp_path / "large.jpg")
    Image.fromarray(noise).save(path)
    [([seen], _)] = _batches(ImageDataset((path,)), (20, 24), 1)
    trained = ImageDataset((path,)).decoded((20, 24))[0]
    np.testing.assert_array_equal(seen, trained)
    np.testing.assert_array_equal(ImageDataset((path,)).rows_of((20, 24))([0])[0], trained)
    assert (trained != resize_image(read_image(path), (20, 24))).any()  # it is scaled by the JPEG
