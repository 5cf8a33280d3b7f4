"""One finished run that the tests of the jobs share."""

import shutil
import signal
import sys

import pytest

from tests.jobs.pretrained_runs import OPTIONS, pretrain_config, save_bars
from tests.jobs.small_runs import save_encoder, save_pictures, small_config
from tl_keras import cli


@pytest.fixture(scope="session")
def colours(tmp_path_factory):
    """A folder of three colour classes with twelve pictures each."""
    return save_pictures(tmp_path_factory.mktemp("data") / "colours", 12)


@pytest.fixture(scope="session")
def encoder(tmp_path_factory):
    """File of a tiny encoder."""
    return save_encoder(tmp_path_factory.mktemp("encoder") / "tiny.keras")


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory, encoder, colours):
    """A finished run folder; tests read it and change nothing in it."""
    from tl_keras.jobs.train import train

    return train(small_config(encoder, colours, tmp_path_factory.mktemp("runs") / "run"))


@pytest.fixture
def copied_run(finished_run, tmp_path):
    """A copy of the finished run that a test may change."""
    return shutil.copytree(finished_run, tmp_path / "copied run")


@pytest.fixture
def run_cli(monkeypatch, capsys):
    """Calls the command; returns (exit status, standard output, standard error)."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["tl-keras", *map(str, words)])
        capsys.readouterr()  # what fixtures printed
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        return stopped.value.code or 0, *capsys.readouterr()

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def bar_pictures(tmp_path_factory):
    """A .npz file of tiny grey pictures of two classes."""
    return save_bars(tmp_path_factory.mktemp("bars") / "bars.npz")


@pytest.fixture(scope="session")
def pretrained_run(tmp_path_factory, bar_pictures):
    """A function from a method to its finished run folder; tests change nothing in it."""
    from tl_keras.jobs.pretrain import pretrain

    folder, made = tmp_path_factory.mktemp("pretrained"), {}

    def run_of(method):
        if method not in made:
            options = OPTIONS[method]
            config = pretrain_config(method, bar_pictures, folder / method, **options)
            made[method] = pretrain(config)
        return made[method]

    return run_of
