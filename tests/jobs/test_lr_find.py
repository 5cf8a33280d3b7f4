"""`tl-keras lr-find`: a number on standard output, a plot in a file."""

import pytest
from PIL import Image


@pytest.fixture
def words(encoder, colours):
    return ("lr-find", "--backbone", encoder, "--data", colours, "--hidden-units", 16)


@pytest.mark.usefixtures("drawn")
def test_the_suggested_rate_is_printed_alone_and_the_plot_written(words, run_cli, tmp_path):
    out = tmp_path / "rates.png"
    status, output, error = run_cli(*words, "--steps", 60, "--batch-size", 8, "--out", out)
    assert status == 0, error
    assert 1e-6 < float(output) < 1
    assert f"Suggested --lr {output.strip()}" in error
    assert Image.open(out).size[0] > 400


def test_a_loss_that_only_rises_is_said_and_plotted(words, run_cli, tmp_path):
    out = tmp_path / "rates.png"
    rates = ("--lowest", 50, "--highest", 5000, "--steps", 10, "--optimizer", "sgd")
    status, output, error = run_cli(*words, *rates, "--out", out)
    assert (status, output) == (2, "")
    assert "Error: Expected a loss that falls between the rates 50 and" in error
    assert out.exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--out", "lr.pdf"), "Expected out to end in .png; received lr.pdf."),
        (("--steps", "3"), "Expected steps to be an integer >= 10; received steps=3."),
        (("--lowest", "2"), "Expected highest to be a number > 2.0; received highest=1.0."),
        (("--optimizer", "adma"), "Expected optimizer to be one of adam"),
        (("--head", "gab"), "Expected head to be one of gap"),
    ],
)
def test_what_cannot_be_tested_is_one_line(more, message, words, run_cli, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    status, output, error = run_cli(*words, *more)
    assert (status, output) == (2, "")
    assert error.splitlines()[-1].startswith(f"Error: {message}")
    assert not list(tmp_path.iterdir())
