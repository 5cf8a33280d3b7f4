"""`tl-keras outliers`: what a run has not learned comes first."""

import csv

import numpy as np
import pytest
from PIL import Image

from tests.jobs.pretrained_runs import bars

ODD = (3, 17)


@pytest.fixture(scope="module")
def with_odd_ones(tmp_path_factory):
    """Images of bars, of which two are upside down in brightness."""
    images = bars(30, seed=5)[0]
    images[list(ODD)] = 255 - images[list(ODD)]
    path = tmp_path_factory.mktemp("odd") / "odd.npy"
    np.save(path, images)
    return path


@pytest.mark.parametrize(
    ("method", "score"),
    [("autoencoder", "auto"), ("vae", "bound"), ("vae", "reconstruction")],
)
def test_odd_images_come_first(method, score, with_odd_ones, pretrained_run, run_cli, tmp_path):
    out = tmp_path / "found.csv"
    words = (with_odd_ones, "--score", score, "--n", 3, "--out", out)
    status, _, error = run_cli("outliers", pretrained_run(method), *words)
    assert status == 0, error
    with open(out, encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["rank"] for row in rows] == [str(n) for n in range(1, 31)]
    assert {row["path"] for row in rows[:2]} == {f"{with_odd_ones}[{n}]" for n in ODD}
    scores = [float(row["score"]) for row in rows]
    assert scores == sorted(scores, reverse=True)
    assert all(row["odder_than"] == "1.00" for row in rows[:2])
    assert rows[0]["path"] in error
    assert Image.open(tmp_path / "found.png").size[0] > 8 * 8


def test_files_of_other_sizes_and_colours_are_named(pretrained_run, run_cli, tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    for number, picture in enumerate(bars(3)[0]):
        Image.fromarray(picture).resize((20, 20)).convert("RGB").save(folder / f"{number}.png")
    (folder / "cut.png").write_bytes(b"\x89PNG")
    out = tmp_path / "a.csv"
    words = ("outliers", pretrained_run("autoencoder"), folder, "--out", out)
    assert run_cli(*words)[0] == 2  # the file that cannot be read
    assert not out.exists()
    assert run_cli(*words, "--on-bad-image", "skip")[0] == 0
    assert str(folder / "0.png") in out.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("method", "words", "message"),
    [
        ("gan", (), "Expected a run of an autoencoder or a VAE, which reconstruct images"),
        ("simclr", (), "Expected a run of an autoencoder or a VAE, which reconstruct images"),
        ("autoencoder", ("--score", "bound"), "Expected a VAE for score='bound'"),
        ("vae", ("--score", "bond"), "Expected score to be one of bound"),
        ("vae", ("--n", 0), "Expected n to be an integer >= 1"),
    ],
)
def test_what_cannot_be_judged_is_one_line(
    method, words, message, with_odd_ones, pretrained_run, run_cli, tmp_path
):
    out = tmp_path / "a.csv"
    run = pretrained_run(method)
    status, output, error = run_cli("outliers", run, with_odd_ones, *words, "--out", out)
    assert (status, output) == (2, "")
    assert error.startswith(f"Error: {message}")
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_table_must_be_a_csv(pretrained_run, with_odd_ones, run_cli):
    words = ("outliers", pretrained_run("vae"), with_odd_ones, "--out", "a.txt")
    expected = "Error: Expected out to end in .csv; received a.txt. Name it a.csv.\n"
    assert run_cli(*words)[2] == expected
