"""`tl-keras explore`: groups, repeats and odd ones are found, in any file, and shown."""

import csv
import json
import re
import sys

import numpy as np
import pytest
from PIL import Image

from tests.jobs.small_runs import save_images
from tl_keras.files import unescape_controls

UGLY = 'a <b>&"ü" \n1.png'


def rows_of(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def album(tmp_path_factory):
    """Three colours, one file twice, one nearly twice, one that is odd and oddly named."""
    folder = save_images(tmp_path_factory.mktemp("album") / "my <i>album</i>", 14)
    first = folder / "green" / "0.png"
    (folder / "green" / "copy.png").write_bytes(first.read_bytes())
    noise = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    Image.fromarray(noise).save(folder / "röd" / UGLY)
    return folder


@pytest.fixture(scope="module")
def explored(album, tmp_path_factory):
    from tl_keras.jobs.explore.explore import explore
    from tl_keras.settings.label_free import ExploreSettings

    out = tmp_path_factory.mktemp("runs") / "explored"
    return explore(ExploreSettings(str(album), backbone="pixels", image_size=8, out=str(out)))


def test_colours_are_found_without_labels(explored):
    metrics = json.loads((explored / "metrics.json").read_text())
    assert len(metrics["cluster_sizes"]) >= 3
    assert metrics["agreement"]["purity"] > 0.95
    assert metrics["agreement"]["ami"] > 0.5
    page = (explored / "report.html").read_text(encoding="utf-8")
    assert f"adjusted mutual information {metrics['agreement']['ami']:.2f}" in page


def test_table_has_each_picture_with_its_cluster_and_scores(explored, album):
    rows = rows_of(explored / "clusters.csv")
    assert list(rows[0]) == ["path", "cluster", "distance", "outlier_score", "part"]
    assert {unescape_controls(row["path"]) for row in rows} == {
        str(p) for p in album.rglob("*.png")
    }
    sizes = json.loads((explored / "metrics.json").read_text())["cluster_sizes"]
    numbers = [int(row["cluster"]) for row in rows]
    assert [numbers.count(n + 1) for n in range(len(sizes))] == sizes
    oddest = max(rows, key=lambda row: float(row["outlier_score"]))
    assert unescape_controls(oddest["path"]).endswith(UGLY)


def test_a_copy_is_found_with_both_paths(explored, album):
    pairs = rows_of(explored / "pairs.csv")
    green = album / "green"
    assert pairs[0] == {
        "first": str(green / "0.png"),
        "second": str(green / "copy.png"),
        "kind": "same",
    }


def test_page_is_one_file_that_runs_nothing_and_escapes_names(explored):
    page = (explored / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page and '<b>&"' not in page and "<i>album" not in page
    assert "&lt;b&gt;&amp;" in page and "\\n1.png" in page
    assert not re.search(r'src="(?!data:)', page)
    for name in ("map", "clusters", "repeats", "outliers", "settings", "use"):
        assert f'id="{name}"' in page
    assert Image.open(explored / "figures" / "map.png").size[0] > 100


def test_page_says_what_was_searched_and_how_many_pairs_there_are(explored):
    page = (explored / "report.html").read_text(encoding="utf-8")
    assert "every image was compared with every other" in page
    assert "100 most similar in outline" in page
    metrics = json.loads((explored / "metrics.json").read_text())
    assert metrics["neighbours_found"] == 1.0
    assert metrics["pairs"] == len(rows_of(explored / "pairs.csv"))
    assert "1 pair: 1 the same." in page


def test_of_very_many_pictures_the_page_says_how_many_of_the_nearest_were_found(
    album, run_cli, tmp_path, monkeypatch
):
    pytest.importorskip("faiss")
    monkeypatch.setattr("tl_keras.evaluation.encoders.approximate_neighbours.EXACT_UP_TO", 20)
    out = tmp_path / "out"
    status, _, error = run_cli("explore", album, "--backbone", "pixels", "--out", out)
    assert status == 0, error
    found = json.loads((out / "metrics.json").read_text())["neighbours_found"]
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "more than 20 images an index gives the nearest" in page
    assert f"drawn at random it found {found:.1%} of the ten nearest" in page


def test_very_many_pictures_without_the_index_library_are_refused_first(
    album, run_cli, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "faiss", None)
    monkeypatch.setattr("tl_keras.evaluation.encoders.approximate_neighbours.EXACT_UP_TO", 20)
    words = ("explore", album, "--backbone", "pixels", "--out", tmp_path / "out")
    status, output, error = run_cli(*words)
    assert (status, output) == (2, "")
    assert "Error: Expected the library faiss-cpu for more than 20 images; received 44" in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("words", [(), ("--clusters", 2)])
def test_an_encoder_of_this_package_explores_arrays_and_files(
    words, encoder, album, run_cli, tmp_path
):
    out = tmp_path / "out"
    status, _, error = run_cli("explore", album, "--backbone", encoder, "--out", out, *words)
    assert status == 0, error
    assert "images in" in error and "purity" in error
    if words:
        assert len(json.loads((out / "metrics.json").read_text())["cluster_sizes"]) == 2


@pytest.mark.parametrize("same", [False, True])
def test_five_pictures_are_enough_even_if_all_are_the_same(same, run_cli, tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (5, 8, 8), np.uint8)
    np.save(tmp_path / "x.npy", x[[0] * 5] if same else x)
    out = tmp_path / "out"
    words = ("explore", tmp_path / "x.npy", "--backbone", "pixels", "--out", out)
    status, _, error = run_cli(*words)
    assert status == 0, error
    assert "purity" not in error  # there are no labels
    assert len(rows_of(out / "clusters.csv")) == 5
    assert len(rows_of(out / "pairs.csv")) == (10 if same else 0)


def test_weights_that_cannot_be_had_name_the_ways_on_and_auto_takes_pixels(
    run_cli, album, tmp_path, monkeypatch
):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))

    def fails(*args, **kwargs):
        raise Exception("URL fetch failure on x: None -- no network")

    monkeypatch.setattr("keras.utils.get_file", fails)
    words = ("explore", album, "--image-size", 32, "--out", tmp_path / "out")
    status, _, error = run_cli(*words)
    assert status == 2
    assert "Give a weights file" in error and "--backbone pixels" in error
    assert not (tmp_path / "out").exists()
    status, _, error = run_cli(*words, "--weights", "auto")
    assert status == 0, error
    assert "NO IMAGENET WEIGHTS" in error
    assert "no network" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--backbone", "pixel"), "Expected backbone to be one of pixels"),
        (("--backbone", "no/such.keras"), "Expected a backbone file; received no/such.keras"),
        (("--clusters", "few"), "Expected clusters to be an integer >= 1 or auto; rec"),
        (("--clusters", 0), "Expected clusters to be an integer >= 1"),
        (("--clusters", 99), "Expected at least 3 images, and as many as clusters; received 44"),
        (("--weights", "random"), "Expected no weights with backbone='pixels'"),
        (("--weights", "imagenet"), "Expected no weights with backbone='pixels'"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_leaves_nothing(
    words, message, album, run_cli, tmp_path
):
    given = ("explore", album, "--backbone", "pixels", "--out", tmp_path / "out")
    status, output, error = run_cli(*given, *words)
    assert (status, output) == (2, "")
    assert error.startswith(f"Error: {message}")
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_one_picture_is_refused(album, run_cli, tmp_path):
    words = ("explore", album / "green" / "0.png", "--backbone", "pixels", "--out", tmp_path / "o")
    status, _, error = run_cli(*words)
    assert status == 2
    assert "Expected at least 3 images, and as many as clusters; received 1 in" in error
