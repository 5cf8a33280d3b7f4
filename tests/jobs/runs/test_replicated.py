"""Jobs under a strategy: batch sizes that replicas share, and real runs in two processes."""

import dataclasses
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from tests.jobs.small_runs import arguments, save_encoder, save_images
from tl_keras.checks import InputError
from tl_keras.files import read_json
from tl_keras.jobs.runs import replicated as decorated
from tl_keras.settings.finished_runs import PruneRunSettings
from tl_keras.settings.whole_model import PruneSettings


@dataclasses.dataclass
class _Strategy:
    num_replicas_in_sync: int = 2


@pytest.fixture
def two_replicas(monkeypatch):
    class Under:
        def __init__(self, settings):
            pass

        def __enter__(self):
            return _Strategy()

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(decorated, "running_under", Under)


def pruned(batch_size):
    prune = PruneSettings(batch_size=batch_size)
    return decorated.replicated(lambda settings: settings)(
        PruneRunSettings(run="runs/x", sparsity=0.5, prune=prune)
    )


def test_a_batch_size_that_replicas_cannot_share_is_refused(two_replicas):
    assert pruned(8).prune.batch_size == 8
    assert pruned(None).prune.batch_size is None
    with pytest.raises(InputError) as error:
        pruned(7)
    assert "2 replicas share evenly; received batch_size=7. Give 6, or 8" in str(error.value)


def run(*words):
    command = [sys.executable, "-m", "tl_keras", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=600)


@pytest.mark.slow
def test_train_ends_alike_on_one_device_on_replicas_and_in_two_processes(tmp_path):
    from tl_keras import load_model

    encoder, data = save_encoder(tmp_path / "e.keras"), save_images(tmp_path / "images", 16)
    ways = {
        "one": ("train", ()),
        "two": ("train", ("--strategy", "mirrored", "--devices", "2")),
        "launched": ("launch --workers 2 -- train", ()),
    }
    models = {}
    for way, (command, more) in ways.items():
        # Each replica draws dropout on its own.
        words = arguments(encoder, data, tmp_path / way, "--dropout", 0, *more)[1:]
        done = run(*command.split(), *words)
        assert done.returncode == 0, done.stderr[-3000:]
        models[way] = load_model(tmp_path / way / "model.keras").get_weights()
        assert read_json(tmp_path / way / "metrics.json")["test"]
    for way in ("two", "launched"):
        for a, b in zip(models["one"], models[way], strict=True):
            np.testing.assert_allclose(a, b, atol=1e-5, err_msg=way)
    assert {path.name for path in tmp_path.iterdir()} == {"e.keras", "images", *ways}


@pytest.mark.slow
def test_promise_is_the_same_on_one_device_on_replicas_and_in_two_processes(tmp_path):
    encoder, data = save_encoder(tmp_path / "e.keras"), save_images(tmp_path / "images", 20)
    words = [
        "--split",
        "0.4,0.4,0.2",
        "--max-error",
        "0.3",
        "--batch-size",
        "8",
        "--epochs",
        "2",
        "--dropout",
        "0",
    ]
    words += ["--augment", "flip", "--backbone", encoder, "--data", data]
    ways = {
        "one": ("train",),
        "two": ("train", "--strategy", "mirrored", "--devices", "2"),
        "launched": ("launch", "--workers", "2", "--", "train"),
    }
    answers = {}
    for way, command in ways.items():
        done = run(*command, *words, "--out", tmp_path / way)
        assert done.returncode == 0, done.stderr[-3000:]
        metrics = read_json(tmp_path / way / "metrics.json")
        answers[way] = metrics["answers"]
    assert answers["one"]["val"]["answered"]
    assert answers["one"] == answers["two"] == answers["launched"]


@pytest.mark.slow
@pytest.mark.fault(44)
def test_44_a_killed_worker_ends_the_others_in_time(tmp_path):
    encoder, data = save_encoder(tmp_path / "e.keras"), save_images(tmp_path / "images", 16)
    words = arguments(encoder, data, tmp_path / "run", "--epochs", "500")[1:]
    command = [sys.executable, "-m", "tl_keras", "launch", "--workers", "2", "--", "train"]
    launcher = subprocess.Popen(
        [*command, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    for line in launcher.stdout:
        if line.startswith("Epoch 3/"):
            break
    pids = _children(launcher.pid)
    os.kill(pids[1], signal.SIGKILL)
    started = time.monotonic()
    error = launcher.communicate(timeout=60)[1]
    assert launcher.returncode not in (0, None) and time.monotonic() - started < 60
    assert "was ended by signal 9; the other workers were ended" in error
    assert not any(os.path.exists(f"/proc/{pid}") for pid in pids)


def _children(pid):
    """Processes that a process has started, the oldest first."""
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return sorted(map(int, file.read().split()))
