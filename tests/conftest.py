"""What tests of the command line share."""

import signal
import sys

import pytest

from tl_keras import cli


@pytest.fixture
def signal_handlers():
    """Puts back the handlers that `main` replaces."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def run_cli(monkeypatch, capsys, signal_handlers):
    """Runs a command; returns (status, what it printed, what it said on standard error)."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["tl-keras", *words])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        return stopped.value.code or 0, *capsys.readouterr()

    return run
