"""Adds finished runs to the results of `policy`, each with the descriptors of its training set.

A run is a folder of `tl-keras train` (preset balanced, half or all layers) or of
`tl-keras compare` (scratch:cnn, linear, fine-tune), both with MobileNetV2 and ImageNet weights.
Data whose folders have one name count as one data set.

    python -m docs.benchmarks policy_runs --out runs/policy RUN RUN
"""

import csv
import json
import os
from pathlib import Path

import numpy as np

from docs.benchmarks.policy.strategies import figures_of
from docs.benchmarks.shared.results import add_result, read_results

LINEAR = "linear"
METHODS = {"scratch:cnn": "scratch", "fine-tune": "balanced"}


def add_options(options):
    options.add_argument("runs", nargs="+", type=Path)
    options.add_argument("--out", default="runs/policy", type=Path)
    options.add_argument("--most", type=int, default=50, help="labels per class of a comparison")


def main(given):
    path = given.out / "results.jsonl"
    done = read_results(path)
    for run in given.runs:
        for cell, labels, found in results_of(run, given.most):
            if (*cell, "describe") not in done:
                found["describe"] = described(run, labels, cell, given.out)
                for strategy, figures in found.items():
                    add_result(path, (*cell, strategy), figures)
                print(*cell, found, flush=True)


def results_of(run, most):
    """[(cell, labels per class or None for all, {strategy: figures})]"""
    config = json.loads((run / "config.json").read_text(encoding="utf-8"))
    pixels = config["image_size"]
    if "methods" not in config:
        metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
        tuning, labels = config["fine_tune"], config["labels_per_class"]
        pixels = json.loads((run / "classes.json").read_text(encoding="utf-8"))["image_size"][0]
        strategy = "full" if tuning["unfreeze"] == "all" else "balanced"
        cell = (f"{Path(config['data']).name}~{run.name}", labels or 0, tuning["seed"], pixels)
        return [(cell, None, {strategy: figures_of(metrics)})]
    with open(run / "results.csv", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if int(row["labels_per_class"]) <= most]
    found = {}
    for row in rows:
        figures = {n: float(row[f"test_{n}"]) for n in ("accuracy", "loss")}
        figures["seconds"] = float(row["seconds"])
        labels, seed = int(row["labels_per_class"]), int(row["seed"])
        cell = (Path(config["data"]).name, labels, seed, pixels)
        found.setdefault((cell, labels), {})[row["method"]] = figures
    return [(cell, labels, _named(figures)) for (cell, labels), figures in found.items()]


def _named(figures):
    named = {METHODS[name]: each for name, each in figures.items() if name in METHODS}
    named["balanced"]["linear"] = figures[LINEAR]
    return named


def described(run, labels, cell, out):
    """Descriptors of the training images that the run recorded."""
    from tl_keras.data.loading import load_unchecked
    from tl_keras.data.split_records import read_records
    from tl_keras.data.splits import keep_per_class, make_splits
    from tl_keras.evaluation.policy.descriptors import describe

    config = json.loads((run / "config.json").read_text(encoding="utf-8"))
    seed = config.get("seed", cell[2])
    parts = load_unchecked(config["data"]).parts
    train = make_splits(parts, split_fractions=config["split"], seed=seed)[0].train
    asked = labels or config["labels_per_class"]
    if isinstance(asked, int):
        train = keep_per_class(train, asked, cell[2])
    known = {(r.split, r.name) for r in read_records(run / "splits.csv.gz")}
    names = (
        train.rows
        if train.rows is not None
        else [os.path.relpath(path, config["data"]) for path in train.ids]
    )
    assert all(("train", str(name)) in known for name in names), "other images than in the run"
    return describe(
        train, features_of(train, list(map(str, names)), config, cell, out), seed=cell[2]
    )


def features_of(train, names, config, cell, out):
    """Features of the training images; those that `policy` computed are used again."""
    from tl_keras.jobs.features.encoder_features import encoder_features

    path = out / "features" / f"{Path(config['data']).name}-{cell[3]}.npz"
    if path.exists():
        with np.load(path) as file:
            rows = {name: row for row, name in enumerate(file["names"])}
            if set(names) <= set(rows):
                return file["features"][[rows[name] for name in names]]
    weights = config["weights"] if Path(config["weights"] or "").is_file() else None
    size = config["image_size"]
    return encoder_features("mobilenet_v2", train, image_size=size, weights=weights)[0]
