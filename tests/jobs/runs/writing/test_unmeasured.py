"""The model is saved before it is measured; what failed to be measured can be measured later."""

import json
import os
import shutil

import keras
import numpy as np
import pytest

from tests.jobs.small_runs import arguments, save_images, small_config, untrained_history
from tl_keras.checks import InputError
from tl_keras.jobs.finished import prune as prune_job
from tl_keras.jobs.finished.evaluate import evaluate
from tl_keras.jobs.finished.prune import prune
from tl_keras.jobs.runs import derived_run
from tl_keras.jobs.runs.reading.trained_run import load_run
from tl_keras.jobs.train import train as train_job
from tl_keras.jobs.train.train import train
from tl_keras.settings.whole_model import PseudoLabelSettings

SAVED = {"model.keras", "classes.json", "history.csv", "unmeasured.json"}
SAVED |= {"config.json", "environment.json", "splits.csv.gz", "checkpoints"}


def names(run):
    return {path.name for path in run.iterdir()}


def json_of(run, name):
    return json.loads((run / name).read_text(encoding="utf-8"))


def stopping(*_, **__):
    raise KeyboardInterrupt


def test_run_stopped_while_it_is_measured_is_completed_by_evaluate(
    finished_run, encoder, colours, tmp_path, monkeypatch, capsys
):
    run = tmp_path / "a run"
    with monkeypatch.context() as patch:
        patch.setattr(train_job, "measured", stopping)
        with pytest.raises(KeyboardInterrupt):
            train(small_config(encoder, colours, run))
    assert names(run) == SAVED
    assert (
        f"The model is saved; `tl-keras evaluate '{run}'` measures it." in capsys.readouterr().err
    )
    evaluate(run)
    assert names(run) == names(finished_run)
    assert "was not measured before; it is complete now" in capsys.readouterr().err
    found, expected = json_of(run, "metrics.json"), json_of(finished_run, "metrics.json")
    for split in ("train", "val", "test"):
        assert found[split] == pytest.approx(expected[split], abs=1e-4)
    same = ("weights", "best_epoch", "pictures", "test_time_flips")
    assert [found[name] for name in same] == [expected[name] for name in same]
    pages = [(r / "report.html").read_text().count("<figure") for r in (run, finished_run)]
    assert pages[0] == pages[1]


def test_test_image_that_is_deleted_after_training_costs_no_model(
    encoder, run_cli, tmp_path, monkeypatch
):
    data, tune, gone = save_images(tmp_path / "data", 8), train_job.fine_tune, []

    def tune_and_delete(model, train, val, **settings):
        history = tune(model, train, val, **settings)
        known = {*train.ids, *val.ids}
        gone.extend(sorted(str(p) for p in data.rglob("*.png") if str(p) not in known)[:1])
        os.remove(gone[0])
        return history

    monkeypatch.setattr(train_job, "fine_tune", tune_and_delete)
    run = tmp_path / "run"
    status, _, error = run_cli(*arguments(encoder, data, run))
    assert status == 2
    last = error.splitlines()[-1]
    assert last.startswith("Error: ") and gone[0] in last
    assert last.endswith(f"The model is saved; `tl-keras evaluate {run}` measures it.")
    assert names(run) == SAVED
    status, output, error = run_cli("evaluate", run)
    assert status == 0, error
    assert json.loads(output)["num_examples"] == 5
    assert "1 of the run's images missing in" in error
    assert json_of(run, "metrics.json")["pictures"] == {"train": 12, "val": 6, "test": 5}
    assert names(run) == SAVED - {"unmeasured.json", "checkpoints"} | {
        "metrics.json",
        "report.html",
        "figures",
    }


def test_disk_that_is_full_after_training_costs_no_model(encoder, colours, tmp_path, monkeypatch):
    def full(*_):
        raise InputError("Expected to be able to write report.html; received No space left.")

    monkeypatch.setattr(train_job, "write_report", full)
    config = small_config(encoder, colours, tmp_path / "run", freeze_epochs=0, epochs=0)
    with pytest.raises(InputError, match="No space left. The model is saved; `tl-keras evaluate"):
        train(config)
    assert names(tmp_path / "run") == SAVED | {"metrics.json"}


@pytest.mark.slow
def test_fine_tuned_model_is_saved_before_the_pseudo_labels(
    encoder, colours, tmp_path, monkeypatch, capsys
):
    seen = []

    def stop(history, config, start, unlabelled):
        seen.extend(start.model.get_weights())
        start.model.set_weights([weight + 1 for weight in seen])
        stopping()

    monkeypatch.setattr(train_job, "train_with_pseudo_labels", stop)
    pseudo = PseudoLabelSettings(epochs=1, unlabelled_ratio=1, augment="none")
    few = {"labels_per_class": 2, "freeze_epochs": 0, "epochs": 0, "unlabelled": "rest"}
    run = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        train(small_config(encoder, colours, run, pseudo_labels=pseudo, **few))
    error = capsys.readouterr().err
    assert "the weights so far are in" in error and "The model is saved" in error
    assert names(run) == SAVED | {"interrupted.keras"}
    kept = keras.saving.load_model(run / "model.keras").get_weights()
    for one, other in zip(seen, kept, strict=True):
        np.testing.assert_array_equal(one, other)
    assert sum(record.split == "rest" for record in load_run(run).records) == 12
    evaluate(run)
    metrics = json_of(run, "metrics.json")
    assert "unlabelled" not in metrics and metrics["pictures"]["train"] == 6
    assert "report.html" in names(run)


def test_pruned_run_that_was_not_measured_is_completed_too(
    mirrored_run, tmp_path, monkeypatch, capsys
):
    pruned = tmp_path / "pruned"
    with monkeypatch.context() as patch:
        patch.setattr(prune_job, "prune_model", lambda *_, **__: untrained_history())
        patch.setattr(derived_run, "measure", stopping)
        with pytest.raises(KeyboardInterrupt):
            prune(mirrored_run, sparsity=0.5, out=pruned)
    assert names(pruned) == SAVED
    figures = evaluate(pruned)
    metrics = json_of(pruned, "metrics.json")
    assert metrics["test"]["loss"] == pytest.approx(figures["loss"])
    assert {"val", "pruning", "seconds", "best_epoch"} <= set(metrics)
    assert names(pruned) == SAVED - {"unmeasured.json", "checkpoints"} | {"metrics.json"}


def test_run_that_is_complete_is_not_written_to(finished_run, tmp_path):
    run = shutil.copytree(finished_run, tmp_path / "run")
    (run / "metrics.json").write_text("{}")
    evaluate(run)
    assert (run / "metrics.json").read_text() == "{}"
