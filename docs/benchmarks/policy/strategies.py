"""Ways to train that `tl-keras recommend` chooses from, each measured on one cell.

A cell is (task, labels per class, seed, pixels); OUT keeps images, features and the latest run.
"""

import csv
import json
import shutil
import time

import numpy as np

from docs.benchmarks.policy.task_images import SPLIT, folder, parts, rows_of

FIGURES = ("accuracy", "loss", "seconds")


def described(cell, out):
    from tl_keras.evaluation.policy.descriptors import describe

    train, *_ = parts(cell, out)
    return describe(train, rows_of(train, cell, out), seed=cell[2])


def prototype(cell, out):
    from tl_keras.evaluation.encoders.probes import unit_rows
    from tl_keras.training.few_shot.rules import prototype as by_prototype

    train, _, test = parts(cell, out)
    known, started = rows_of(train, cell, out), time.monotonic()
    scores = by_prototype(unit_rows(known)[None], train.labels, train.num_classes)
    found = scores.logits(unit_rows(rows_of(test, cell, out))).argmax(axis=1)
    seconds = time.monotonic() - started
    return {"accuracy": float(np.mean(found == test.labels)), "seconds": seconds}


def trained(cell, out, tuning=None, **more):
    """Figures of `tl-keras train`; for `balanced` those of its linear start too."""
    from tl_keras.jobs.train.train import train
    from tl_keras.settings.fine_tune import FineTuneSettings
    from tl_keras.settings.train import TrainSettings

    task, labels, seed, pixels = cell
    path = emptied(out / "run")
    asked = {"backbone": "mobilenet_v2", "image_size": pixels} | more
    train(
        TrainSettings(
            data=str(folder(task, out)),
            labels_per_class=labels,
            split=SPLIT,
            out=str(path),
            fine_tune=FineTuneSettings(seed=seed, **(tuning or {})),
            **asked,
        )
    )
    return figures_of(json.loads((path / "metrics.json").read_text(encoding="utf-8")))


def emptied(path):
    shutil.rmtree(path, ignore_errors=True)
    return path


def figures_of(metrics):
    """Figures of metrics.json of a run of `tl-keras train`."""
    figures = metrics["test"] | {"seconds": metrics["seconds"]["total"]}
    found = {name: figures[name] for name in FIGURES}
    if "linear_start" in metrics:
        found["linear"] = {name: metrics["linear_start"][name] for name in FIGURES}
    if "unlabelled" in metrics:
        found["before"] = metrics["unlabelled"]["labels_alone"]["accuracy"]
    return found


def full(cell, out):
    return trained(cell, out, {"unfreeze": "all"})


def pseudo(cell, out):
    return trained(cell, out, unlabelled="rest")


def scratch(cell, out):
    from tl_keras.jobs.compare.compare import compare
    from tl_keras.settings.compare import CompareSettings

    task, labels, seed, _ = cell
    path = emptied(out / "run")
    compare(
        CompareSettings(
            data=str(folder(task, out)),
            methods=("scratch:cnn",),
            labels_per_class=(labels,),
            seeds=1,
            seed=seed,
            baseline_size=32,
            split=SPLIT,
            out=str(path),
        )
    )
    with open(path / "results.csv", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    return {
        "accuracy": float(row["test_accuracy"]),
        "loss": float(row["test_loss"]),
        "seconds": float(row["seconds"]),
    }


def pretrained(cell, out):
    """SimCLR on all images but those of val and test, without their labels, then `train`."""
    from tl_keras.jobs.pretrain.pretrain import pretrain
    from tl_keras.settings.label_free import PretrainSettings

    task, _, seed, _ = cell
    images = emptied(out / "unlabelled")
    held = {name for part in parts(cell, out)[1:] for name in part.ids}
    for number, path in enumerate(sorted(folder(task, out).rglob("*"))):
        if path.is_file() and str(path) not in held:
            images.mkdir(exist_ok=True)
            shutil.copy(path, images / f"{number}{path.suffix}")
    encoder = emptied(out / "encoder")
    started = time.monotonic()
    pretrain(
        PretrainSettings(
            method="simclr", data=str(images), minutes=1, image_size=32, seed=seed, out=str(encoder)
        )
    )
    seconds = time.monotonic() - started
    found = trained(cell, out, backbone=str(encoder), image_size=None)
    return found | {"seconds": found["seconds"] + seconds}


MEASURED = {
    "describe": described,
    "prototype": prototype,
    "balanced": trained,
    "full": full,
    "scratch": scratch,
    "pretrain": pretrained,
    "pseudo": pseudo,
}
