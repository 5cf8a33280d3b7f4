"""One process, two replicas and two processes end with the same weights, for every kind."""

import os
import subprocess
import sys

import numpy as np
import pytest

from tests.training.distribution.trained_kinds import KINDS
from tl_keras.training.distribution.cluster import Cluster, free_ports

CLOSE = 1e-5


def started(way, out, kinds, cluster=None):
    words = [sys.executable, "-m", "tests.training.distribution.trained_kinds", way, str(out)]
    config = {"TF_CONFIG": cluster.to_tf_config()} if cluster else {}
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([*words, *kinds], env=os.environ | config, **pipes)


def weights(path, process):
    _, error = process.communicate(timeout=1800)
    assert process.returncode == 0, error[-3000:]
    with np.load(path) as found:
        return dict(found)


def differences(expected, found):
    """Returns {kind: largest difference of a weight}."""
    largest = {}
    for name, weight in expected.items():
        kind = name.split("/")[0]
        difference = float(np.abs(weight.astype(float) - found[name]).max(initial=0))
        largest[kind] = max(largest.get(kind, 0.0), difference)
    return largest


@pytest.mark.slow
def test_every_kind_is_trained_alike(tmp_path):
    one, mirrored, first, second = (tmp_path / f"{n}.npz" for n in ("one", "two", "0", "1"))
    expected = weights(one, started("float32", one, KINDS))
    table = {"mirrored": weights(mirrored, started("mirrored", mirrored, KINDS))}
    workers = tuple(f"127.0.0.1:{port}" for port in free_ports(2))
    processes = [
        started("multiworker", path, KINDS, Cluster(workers, index))
        for index, path in enumerate((first, second))
    ]
    for path, process in zip((first, second), processes, strict=True):
        table[f"worker {path.stem}"] = weights(path, process)
    table = {way: differences(expected, found) for way, found in table.items()}
    for way, largest in table.items():
        assert largest.keys() == KINDS.keys()
        for kind, difference in largest.items():
            assert difference < CLOSE, f"{kind}, {way}: {difference}"


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_every_kind_trains_in_half_precision_and_is_loaded_again(precision, tmp_path):
    full, half = tmp_path / "full.npz", tmp_path / "half.npz"
    expected = weights(full, started("float32", full, KINDS))
    found = weights(half, started(precision, half, KINDS))
    assert all(np.isfinite(weight).all() for weight in found.values())
    for kind, difference in differences(expected, found).items():
        assert 0 < difference < 1, f"{kind}: {difference}"  # another format, and the same course
