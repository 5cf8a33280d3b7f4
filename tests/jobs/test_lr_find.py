"""`tl-keras lr-find`: a number on standard output, a plot in a file."""

import pytest
from PIL import Image

from tl_keras.checks import InputError
from tl_keras.data.loading import load_dataset
from tl_keras.jobs import lr_find as module
from tl_keras.jobs.train.starting_point import StartingPoint
from tl_keras.jobs.train.suited_settings import AFTER_TWO_VIEWS
from tl_keras.settings.fine_tune import StepSettings
from tl_keras.settings.train import LrFindSettings


@pytest.fixture
def words(encoder, colours):
    return ("lr-find", "--backbone", encoder, "--data", colours)


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


@pytest.mark.parametrize(("asked", "unfreeze"), [({}, "all"), ({"unfreeze": "half"}, "half")])
def test_what_train_would_train_is_tested(asked, unfreeze, monkeypatch, colours, tmp_path):
    def find(*_, **settings):
        raise InputError(f"tested with {settings['unfreeze']}")

    start = StartingPoint(None, load_dataset(colours), {}, suited=AFTER_TWO_VIEWS)
    monkeypatch.setattr(module, "need_weights", lambda *_: None)
    monkeypatch.setattr(module, "starting_point", lambda *_: start)
    monkeypatch.setattr(module, "find", find)
    out = str(tmp_path / "lr.png")
    tuning = StepSettings(**asked)
    with pytest.raises(InputError, match=f"tested with {unfreeze}"):
        module.lr_find(LrFindSettings("vgg16", str(colours), fine_tune=tuning, steps=10, out=out))


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
