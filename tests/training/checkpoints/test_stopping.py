"""Signals during a fit."""

import os
import signal

import pytest

from tl_keras.training.checkpoints import stopping
from tl_keras.training.checkpoints.stopping import StopRequest


def exits(number, _):
    raise SystemExit(128 + number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_first_signal_waits_and_the_second_ends_at_once(
    number, signal_handlers, monkeypatch, capfd
):
    """Fault 38."""
    ended = []
    monkeypatch.setattr(stopping.os, "_exit", ended.append)
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, exits)
    with StopRequest().listening() as stop:
        os.kill(os.getpid(), number)
        assert stop.number == number
        assert "a second signal ends at once" in capfd.readouterr().err
        os.kill(os.getpid(), number)
        assert ended == [128 + number]
    with pytest.raises(SystemExit) as stopped:
        stop.stop()
    assert stopped.value.code == 128 + number
    assert signal.getsignal(number) is exits


def test_signal_that_nobody_handles_keeps_its_effect(signal_handlers):
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with StopRequest().listening():
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
