"""Kills runs by SIGKILL at random moments, resumes them, and compares the final weights.

Each process is a fork of this one, which has loaded the packages and run nothing. It lives for a
random time, and the next one goes on in the same run folder. When a run has ended its weights are
compared with those of a run that nobody killed. Random moments lie in measuring, in the cache, in
epochs, in saves and between phases; with a checkpoint after each batch, many are in saves.

    python -m docs.benchmarks kills --kills 30 --method gan
"""

import collections
import json
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from tl_keras.jobs.pretrain.pretrain import pretrain
from tl_keras.jobs.train.train import train
from tl_keras.models.backbones.small_resnet import build_small_resnet
from tl_keras.models.saving.saved_models import load_model
from tl_keras.settings.fine_tune import FineTuneSettings
from tl_keras.settings.label_free import PretrainSettings
from tl_keras.settings.train import TrainSettings

_OPTIONS = {"simclr": {"width": 4, "projection_units": (16, 8)}}


def add_options(options):
    options.add_argument("--kills", type=int, default=30)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--method", default="train", choices=("train", "vae", "gan", "simclr"))


def main(given):
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(kill(Path(folder), given), indent=2))


def kill(folder, given):
    """Returns counts of the kills by what stood in the folder then, and the largest difference."""
    draw, job = random.Random(given.seed), jobs(folder)[given.method]
    started = time.monotonic()
    assert run(job, folder / "whole") == 0, "the run that nobody kills fails"
    seconds = time.monotonic() - started
    where, runs, parts = collections.Counter(), 0, 0
    for path in (folder / f"run{number}" for number in range(given.kills)):
        while sum(where.values()) < given.kills:
            ended = run(job, path, draw.uniform(0.2, seconds))
            if ended is not None:
                break
            where[moment(path)] += 1
            parts += len(list(path.rglob(".part-*")))
        if sum(where.values()) >= given.kills and ended is None:
            ended = run(job, path)
        assert ended == 0, f"a resumed run ended with status {ended}"
        runs += 1
        if sum(where.values()) >= given.kills:
            break
    found = [folder / f"run{number}" for number in range(runs)]
    apart = forked(lambda: print_difference(folder / "whole", found))
    assert apart == 0
    return {
        "method": given.method,
        "seconds of a run": round(seconds, 1),
        "kills": sum(where.values()),
        "runs": runs,
        "in": dict(where),
        "parts left by kills": parts,
        "left in the folders": sorted(
            set().union(*(names(path) ^ names(folder / "whole") for path in found))
        ),
    }


def jobs(folder):
    """{name: function of a run folder}"""
    encoder = folder / "encoder.keras"
    assert forked(lambda: build_small_resnet(16, width=4).save(encoder)) == 0
    tuning = FineTuneSettings(epochs=4, batch_size=8, preset="balanced")
    shared = {"checkpoint_minutes": 0}

    def trained(path):
        train(
            TrainSettings(
                backbone=str(encoder), data="digits", labels_per_class=12, out=str(path),
                fine_tune=tuning, **shared,
            )
        )  # fmt: skip

    def pretrained(method):
        more = _OPTIONS.get(method, {})
        return lambda path: pretrain(
            PretrainSettings(method, "digits", epochs=3, out=str(path), **more, **shared)
        )

    return {"train": trained} | {name: pretrained(name) for name in ("vae", "gan", "simclr")}


def run(job, path, seconds=None):
    """Runs a job in a process of its own; returns its status, or None if it was killed."""
    return forked(lambda: job(path), seconds)


def forked(function, seconds=None):
    sys.stdout.flush()
    child = os.fork()
    if not child:
        status = 1
        try:
            function()
            status = 0
        finally:
            sys.stdout.flush()
            os._exit(status)
    end = None if seconds is None else time.monotonic() + seconds
    while True:
        done, status = os.waitpid(child, 0 if end is None else os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return None
        time.sleep(0.005)


def moment(path):
    """Returns the step in which a process was killed, known by the files that it left."""
    fits = sorted((path / "checkpoints" / "fits").rglob("*")) if path.is_dir() else []
    if (path / "unmeasured.json").is_file():
        return "measuring"
    if any(file.name.startswith(".part-") for file in path.rglob("*")):
        return "a save"
    if not fits:
        return "before the first fit"
    running = [fit for fit in fits if fit.is_dir() and not (fit / "done.json").is_file()]
    return "an epoch" if running else "between fits"


def names(path):
    return {str(file.relative_to(path)) for file in path.rglob("*")}


def print_difference(whole, found):
    name = "model.keras"
    wanted = load_model(whole / name).get_weights()
    largest = 0.0
    for path in found:
        for one, other in zip(load_model(path / name).get_weights(), wanted, strict=True):
            largest = max(largest, float(np.abs(one - other).max(initial=0.0)))
    print(f"Largest difference of a weight: {largest:.3g}")
    assert largest <= 1e-6
