"""What makes many small tests quick, and what tests of the command line share.

Most of their time goes into graphs that are traced, optimised and run once or twice. Several test
processes (`make test`) leave them unoptimised; `make test-slow`, a test run alone and the runs
that the tests of the jobs share have them optimised.
"""

import gc
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

ONE_OF_SEVERAL = "PYTEST_XDIST_WORKER" in os.environ


def look_for_garbage():
    """Frees what is garbage and never looks at the rest again, which is mostly there to stay.

    Python by itself looks at everything again and again: in the end some ten seconds each time.
    """
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item, nextitem):
    result = yield
    if nextitem is None or nextitem.path != item.path:
        look_for_garbage()
    return result


def pytest_collection_finish():
    """Before the first test, when TensorFlow is loaded."""
    gc.set_threshold(20_000, 10, 1000)  # the oldest after each file instead
    look_for_garbage()
    if ONE_OF_SEVERAL and "tensorflow" in sys.modules:
        options = {"disable_meta_optimizer": True}
        sys.modules["tensorflow"].config.optimizer.set_experimental_options(options)


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
