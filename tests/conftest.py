"""One thread in each of several test processes, and what tests of the command line share."""

import os
import signal
import sys

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:
    # Before TensorFlow and NumPy are loaded, and for the processes that tests start.
    for _name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(_name, "1")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from tl_keras import cli  # loads neither


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
