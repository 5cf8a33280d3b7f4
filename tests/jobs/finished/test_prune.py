"""`tl-keras prune`: a run folder from a run folder, smaller when compressed."""

import json

import numpy as np
import pytest

from tests.jobs.small_runs import CLASSES, table_rows, untrained_history
from tl_keras import load_model
from tl_keras.files import read_json
from tl_keras.jobs.finished import prune as job
from tl_keras.jobs.finished.evaluate import evaluate
from tl_keras.jobs.finished.export import export
from tl_keras.jobs.finished.predict import predict
from tl_keras.jobs.runs.measuring import measure
from tl_keras.jobs.runs.reading.run_splits import own_splits
from tl_keras.jobs.runs.reading.trained_run import load_run
from tl_keras.training.whole.magnitudes import prunable_kernels

QUICK = ("--sparsity", 0.8, "--prune-epochs", 1, "--epochs", 1, "--batch-size", 8)


def test_the_pruned_run_is_a_run_like_any_other(finished_run, colours, run_cli, tmp_path):
    out = tmp_path / "pruned"
    before = (finished_run / "model.keras").read_bytes()
    status, output, error = run_cli("prune", finished_run, *QUICK, "--out", out)
    assert status == 0, error
    assert (finished_run / "model.keras").read_bytes() == before
    run = load_run(out)
    values = np.concatenate([k.numpy().ravel() for k in prunable_kernels(run.model)])
    assert (values == 0).sum() == round(0.8 * values.size)
    metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    pruning = metrics["pruning"]
    assert pruning["after"]["gzip_bytes"] < 0.6 * pruning["before"]["gzip_bytes"]
    assert pruning["test_before"]["accuracy"] >= 0
    assert evaluate(out)["accuracy"] == pytest.approx(metrics["test"]["accuracy"])
    assert table_rows(predict(out, [colours], out=tmp_path / "p.csv"))[0]["label"] in CLASSES
    assert export(out).exists()
    assert (out / "history.csv").read_text().splitlines()[1].startswith("1,prune,")
    assert "Compressed weights" in error and "pruned" in error


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--sparsity", 1), "Expected sparsity to be a number > 0 and < 1; received"),
        (("--sparsity", 0.5, "--scope", "each"), "Expected scope to be one of"),
        (("--sparsity", 0.5, "--also", "bias"), "Expected also to be one of"),
        (("--sparsity", 0.5, "--lr", 0), "Expected lr to be a number > 0"),
    ],
)
def test_what_cannot_be_pruned_is_one_line(words, message, finished_run, run_cli, tmp_path):
    status, output, error = run_cli("prune", finished_run, *words, "--out", tmp_path / "x")
    assert (status, output) == (2, "")
    assert error.splitlines()[-1].startswith(f"Error: {message}")
    assert not (tmp_path / "x").exists()


def test_a_run_that_is_stopped_keeps_the_weights_so_far(
    finished_run, tmp_path, monkeypatch, capsys
):
    pruned = [weight + 1 for weight in load_run(finished_run).model.get_weights()]

    def stop(model, *_, **__):
        model.set_weights(pruned)
        raise SystemExit(143)

    monkeypatch.setattr(job, "prune_model", stop)
    with pytest.raises(SystemExit):
        job.prune(finished_run, sparsity=0.5, out=tmp_path / "x")
    kept = load_model(tmp_path / "x" / "interrupted.keras").get_weights()
    for one, other in zip(kept, pruned, strict=True):
        np.testing.assert_array_equal(one, other)
    assert "Stopped early" in capsys.readouterr().err


def test_a_pruned_run_averages_over_mirror_images_as_its_origin(
    mirrored_run, tmp_path, monkeypatch
):
    monkeypatch.setattr(job, "prune_model", lambda *_, **__: untrained_history())
    plain = load_run(mirrored_run)
    images = own_splits(plain)[0].test
    out = job.prune(mirrored_run, sparsity=0.5, out=tmp_path / "pruned")
    metrics = read_json(out / "metrics.json")
    loss = evaluate(mirrored_run)["loss"]
    assert abs(loss - measure(plain.model, images)[1]["loss"]) > 1e-4
    assert metrics["pruning"]["test_before"]["loss"] == pytest.approx(loss)
    assert load_run(out).flips is True
    for split in ("val", "test"):
        figures = evaluate(out, split=split)
        assert metrics[split]["loss"] == pytest.approx(figures["loss"])
    assert metrics["test"]["loss"] == pytest.approx(loss)  # as nothing was pruned here


def test_a_pruned_run_that_is_stopped_averages_as_its_origin(mirrored_run, tmp_path, monkeypatch):
    def stop(model, *_, **__):
        model.set_weights([weight / 2 for weight in model.get_weights()])
        raise SystemExit(143)

    monkeypatch.setattr(job, "prune_model", stop)
    with pytest.raises(SystemExit):
        job.prune(mirrored_run, sparsity=0.5, out=tmp_path / "x")
    assert load_run(tmp_path / "x").flips is True


def test_a_folder_that_is_no_run_is_refused(run_cli, tmp_path):
    status, _, error = run_cli("prune", tmp_path, *QUICK)
    assert status == 2 and "Expected a finished run folder with config.json" in error
