"""Metrics of a run before its model is measured, and its completion."""

import csv
from pathlib import Path

from tl_keras.data.dataset import Splits
from tl_keras.files import read_json
from tl_keras.jobs.runs.writing.run_folder import RunFolder, remove_checkpoints
from tl_keras.settings.options.config_files import from_json
from tl_keras.settings.train import TrainSettings
from tl_keras.training.history import TrainingHistory

UNMEASURED = "unmeasured.json"


def write_unmeasured(run: RunFolder, metrics: dict, phases: list | None = None) -> None:
    """Writes unmeasured.json, which stands in a run folder until metrics.json does.

    Args:
        metrics: the content of metrics.json as far as it is known.
        phases: of the history, if the run has a page.
    """
    run.write_json(UNMEASURED, {"metrics": metrics, "phases": phases})


def known_of_history(history: TrainingHistory, splits: Splits) -> dict:
    """Returns the content of metrics.json that a `TrainingHistory` and the `Splits` decide."""
    best = history.best_epoch
    return {
        "seconds": dict(history.seconds),
        "best_epoch": None if best is None else best + 1,
        "pictures": {part.split: len(part) for part in splits[:3]},
    }


def mark_measured(run: RunFolder) -> None:
    """Removes unmeasured.json and checkpoints: metrics.json and the page of the run are written."""
    remove_checkpoints(run.path)
    (run.path / UNMEASURED).unlink(missing_ok=True)


def read_unmeasured(path: Path) -> tuple[dict, list | None] | None:
    """Returns (metrics, phases) of a run that was not measured; None for one that was."""
    path = path / UNMEASURED
    if not path.is_file():
        return None
    known = read_json(path, "metrics", "phases")
    return known["metrics"], known["phases"]


def read_history(path: Path, phases: list, best_epoch: int | None) -> TrainingHistory:
    """Returns the `TrainingHistory` of a run folder.

    Args:
        phases: as in unmeasured.json.
        best_epoch: from 1, or None.
    """
    with open(path / "history.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    history = TrainingHistory()
    names = [name for name in (rows[0] if rows else ()) if name not in ("epoch", "phase")]
    history.history = {name: [float(row[name]) for row in rows] for name in names}
    history.epoch = [int(row["epoch"]) - 1 for row in rows]
    history.phases = phases
    history.best_epoch = None if best_epoch is None else best_epoch - 1
    return history


def read_config(config: dict) -> TrainSettings:
    """Returns the `TrainSettings` that a config.json was written from."""
    return from_json(TrainSettings, config)
