"""Finished measurements that a second call goes on from: lines of JSON, and arrays."""

import json

import numpy as np


def read_results(path):
    """{cell: figures} of a file whose lines are [*cell, figures]; {} if it is not there."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else ()
    return {tuple(cell): figures for *cell, figures in map(json.loads, lines)}


def add_result(path, cell, figures):
    """Adds one line to a file of results."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps([*cell, figures]) + "\n")


def computed_once(path, compute):
    """{name: array} of the .npz file `path`, which `compute()` fills if it is not there."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, **compute())
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)
