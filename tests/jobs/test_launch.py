"""Several processes of this machine: started, shown, signalled, and ended together."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from tl_keras.jobs import launch as job
from tl_keras.settings.whole_model import LaunchSettings

WAITING = "import time; time.sleep(60)"


@pytest.fixture
def programs(monkeypatch):
    """Lets each process run a program of the test in place of the command; returns the list."""
    codes, popen = [], subprocess.Popen

    def start(words, env, **arguments):
        index = json.loads(env["TF_CONFIG"])["task"]["index"]
        return popen([sys.executable, "-c", codes[index]], env=env, **arguments)

    monkeypatch.setattr(job.subprocess, "Popen", start)
    monkeypatch.setattr(job, "OWN_END", 0.3)
    return codes


def launched(workers):
    """Status with which the job ends, and its seconds."""
    started = time.monotonic()
    try:
        job.launch(LaunchSettings(command=("train",), workers=workers))
    except SystemExit as stopped:
        return stopped.code, time.monotonic() - started
    return 0, time.monotonic() - started


def test_the_output_of_the_chief_is_shown_and_that_of_others_is_not(programs, capfd):
    programs += ["print('from the chief')", "print('from another')"]
    assert launched(2)[0] == 0
    out, error = capfd.readouterr()
    assert out == "from the chief\n" and not error


def test_each_process_knows_the_cluster_and_its_place(programs, capfd):
    programs += ["import os; print(os.environ['TF_CONFIG'])"] * 3
    launched(3)
    found = json.loads(capfd.readouterr().out)
    assert found["task"] == {"type": "worker", "index": 0}
    assert len(set(found["cluster"]["worker"])) == 3


@pytest.mark.parametrize(
    ("end", "status", "words"),
    [
        ("print('no room'); sys.exit(3)", 3, "Worker 1 failed with status 3; the other workers"),
        ("os.kill(os.getpid(), 9)", 137, "Worker 1 was ended by signal 9; the other workers"),
    ],
)
def test_one_that_fails_ends_the_others_and_is_named(programs, capfd, end, status, words):
    programs += [WAITING, f"import os, sys; {end}", WAITING]
    assert launched(3)[0] == status
    error = capfd.readouterr().err
    assert words in error and ("no room" in error) == (status == 3)


def test_processes_that_do_not_end_by_a_signal_are_killed(programs, monkeypatch):
    monkeypatch.setattr(job, "SIGNALLED_END", 0.5)
    deaf = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {WAITING}"
    programs += [deaf, "import time; time.sleep(1); raise SystemExit(1)"]
    status, seconds = launched(2)
    assert status == 1 and seconds < 30


def test_a_signal_is_passed_on_to_all(programs, capfd, signal_handlers):
    told = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('saved'), sys.exit(143)))\n"
        "time.sleep(60)"
    )
    programs += [told, told]
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # as `cli.main`
    threading.Timer(2, os.kill, (os.getpid(), signal.SIGTERM)).start()
    status, seconds = launched(2)
    assert status == 143 and seconds < 30
    assert capfd.readouterr().out == "saved\n"


def test_a_command_that_does_not_train_is_refused(run_cli):
    status, _, error = run_cli("launch", "--", "predict", "runs/x")
    assert status == 2 and "Expected command to be one of" in error and "'predict'" in error


def test_options_behind_two_hyphens_are_those_of_the_command(asked, run_cli):
    run_cli("launch", "--workers", "3", "--", "train", "--split", "0.6,0.2,0.2", "--workers", "x")
    words = ("train", "--split", "0.6,0.2,0.2", "--workers", "x")
    assert asked == [LaunchSettings(command=words, workers=3)]
