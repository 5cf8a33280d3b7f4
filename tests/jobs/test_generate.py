"""`tl-keras generate`: images from a run, the same for the same seed."""

import numpy as np
import pytest
from PIL import Image

from tl_keras.jobs.generate import STEPS, generate
from tl_keras.jobs.runs.reading.pretrained_run import load_pretrained_run

MAKERS = ("vae", "gan")


@pytest.mark.parametrize("method", MAKERS)
def test_same_seed_gives_the_same_images(method, pretrained_run, run_cli, tmp_path):
    run, out = pretrained_run(method), tmp_path / "grid.png"
    first, again, other = (generate(run, n=6, seed=s, out=out) for s in (1, 1, 2))
    assert first.shape == (6, 8, 8, 1) and first.dtype == np.uint8
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    written = tmp_path / "other.png"
    status, _, error = run_cli("generate", run, "--n", 6, "--seed", 2, "--out", written)
    assert status == 0, error
    np.testing.assert_array_equal(np.asarray(Image.open(written)), np.asarray(Image.open(out)))


@pytest.mark.parametrize("method", MAKERS)
def test_interpolation_makes_whole_rows(method, pretrained_run, run_cli, tmp_path):
    out = tmp_path / "ways.png"
    words = ("--interpolate", "--n", STEPS + 1, "--out", out)
    status, _, error = run_cli("generate", pretrained_run(method), *words)
    assert status == 0, error
    assert f"{2 * STEPS} images" in error
    width, height = Image.open(out).size
    assert width > 3 * height


def test_rows_of_a_vae_lie_on_the_line_between_their_ends(pretrained_run, tmp_path):
    run = pretrained_run("vae")
    made = generate(run, n=STEPS, interpolate=True, seed=4, out=tmp_path / "a.png")
    ends = np.random.default_rng(4).normal(size=(2, 1, 4)).astype("float32")[:, 0]
    decoded = load_pretrained_run(run).model.decode(ends)
    np.testing.assert_allclose(made[[0, -1]], decoded, atol=0.51)


def test_labels_are_taken_in_turn(pretrained_run, tmp_path):
    run, out = pretrained_run("gan"), tmp_path / "a.png"
    model = load_pretrained_run(run).model
    expected = model.sample(4, labels=np.array([1, 0, 1, 0]), seed=0)
    np.testing.assert_array_equal(generate(run, n=4, labels=["1", "0"], out=out), expected)


@pytest.mark.parametrize(
    ("method", "words", "message"),
    [
        ("autoencoder", (), "Expected a run of a VAE or a GAN, which generate images"),
        ("simclr", (), "Expected a run of a VAE or a GAN, which generate images"),
        ("vae", ("--n", 0), "Expected n to be an integer >= 1"),
        ("vae", ("--seed", -1), "Expected seed to be an integer >= 0"),
        ("vae", ("--labels", "0"), "Expected labels only for a conditional GAN"),
        ("gan", ("--labels", "0,7"), "Expected labels to be one of"),
    ],
)
def test_what_cannot_be_made_is_one_line(method, words, message, pretrained_run, run_cli, tmp_path):
    out = tmp_path / "grid.png"
    status, output, error = run_cli("generate", pretrained_run(method), *words, "--out", out)
    assert (status, output) == (2, "")
    assert error.startswith(f"Error: {message}")
    assert error.count("\n") == 1
    assert not out.exists()


@pytest.mark.parametrize("command", ["generate", "outliers"])
def test_wrong_folder_is_one_line(command, finished_run, run_cli, tmp_path):
    more = ("nowhere.npy",) if command == "outliers" else ()
    for run, message in (
        ("nowhere", "Expected a finished run folder with config.json; received nowhere"),
        (finished_run, "Expected a run folder of `tl-keras pretrain`; received"),
    ):
        status, _, error = run_cli(command, run, *more)
        assert status == 2
        assert error.startswith(f"Error: {message}")
        assert error.count("\n") == 1


def test_picture_must_be_a_png(pretrained_run, run_cli):
    status, _, error = run_cli("generate", pretrained_run("vae"), "--out", "grid.jpg")
    expected = "Error: Expected out to end in .png; received grid.jpg. Name it grid.png.\n"
    assert (status, error) == (2, expected)


def test_a_picture_that_cannot_be_written_is_one_line(pretrained_run, run_cli, tmp_path):
    (tmp_path / "file").write_text("no folder")
    out = tmp_path / "file" / "grid.png"
    status, _, error = run_cli("generate", pretrained_run("vae"), "--n", 2, "--out", out)
    assert status == 2
    assert error.startswith(f"Error: Expected to be able to write {out}; received ")
    assert error.count("\n") == 1
