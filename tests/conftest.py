"""Settings that make many small tests fast, and fixtures for tests of the command line.

Most time of a small test goes into tracing and optimising graphs that run once or twice. Test
processes that run side by side (`make test`) do not optimise graphs. `make test-slow`, a single
test process and the shared runs of `tests/jobs` do, as TensorFlow does for users.
"""

import gc
import os
import signal
import sys
import weakref

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:
    # Before TensorFlow and NumPy are loaded, and for the processes that tests start.
    for _name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(_name, "1")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Its kernels are generated for each shape, which takes longer than tiny networks compute.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

from tl_keras import cli  # loads neither
from tl_keras.data import array_store

ONE_OF_SEVERAL = "PYTEST_XDIST_WORKER" in os.environ


def collect_garbage():
    """Frees cyclic garbage and excludes the objects that remain from later collections.

    Otherwise Python's full collections visit all objects of TensorFlow and Keras each time.
    """
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item, nextitem):
    result = yield
    if nextitem is None or nextitem.path != item.path:
        collect_garbage()
    return result


def pytest_collection_finish():
    """Runs before the first test, when TensorFlow has been imported."""
    gc.set_threshold(100_000, 10, 1000)  # full collections come after each file instead
    collect_garbage()
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
def others_keep_their_room(monkeypatch):
    """No array of another test gives up its room in this one."""
    gc.collect()
    monkeypatch.setattr(array_store, "_lenders", weakref.WeakSet())


@pytest.fixture
def run_cli(monkeypatch, capsys, signal_handlers):
    """Runs a command; returns (status, what it printed, what it said on standard error)."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["tl-keras", *map(str, words)])
        capsys.readouterr()  # what fixtures printed
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        return stopped.value.code or 0, *capsys.readouterr()

    return run


@pytest.fixture
def asked(monkeypatch):
    """List of the settings, or of the options by name, that reach the jobs; the jobs do nothing."""
    reached = []

    def job(*settings, **options):
        reached.append(settings[0] if settings else options)

    monkeypatch.setattr(cli, "load", lambda module, name: job)
    return reached
