"""Kills of real processes: see docs/benchmarks/trust/kills.py, which counts them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import tl_keras

ROOT = Path(tl_keras.__file__).parents[1]


@pytest.mark.slow
@pytest.mark.parametrize("method", ["train", "vae", "gan", "simclr"])
def test_runs_after_sigkill_equal_one_without(method):
    """Faults 35 and 36."""
    words = [sys.executable, "-m", "docs.benchmarks", "kills", "--kills", "3"]
    done = subprocess.run(
        [*words, "--method", method], cwd=ROOT, capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout[done.stdout.index("\n{") :])
    assert found["kills"] == 3
    assert found["left in the folders"] == []
