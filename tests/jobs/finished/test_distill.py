"""`tl-keras distill`: a small network from a run, with images that have no labels."""

import json

import pytest

from tests.jobs.small_runs import (
    CLASSES,
    save_images,
    small_config,
    table_rows,
    untrained_history,
)
from tl_keras.jobs.finished import distill as job
from tl_keras.jobs.finished.evaluate import evaluate
from tl_keras.jobs.finished.export import export
from tl_keras.jobs.finished.predict import predict
from tl_keras.jobs.runs.derived_run import load_origin
from tl_keras.jobs.runs.measuring import measure
from tl_keras.jobs.runs.reading.run_splits import own_splits
from tl_keras.jobs.runs.reading.trained_run import load_run
from tl_keras.jobs.train.train import train

QUICK = ("--epochs", 2, "--batch-size", 8, "--image-size", 12)


@pytest.fixture(scope="module")
def few_labels_run(tmp_path_factory, encoder, colours):
    """A run that used the labels of two images of each class."""
    out = tmp_path_factory.mktemp("few") / "run"
    few = {"labels_per_class": 2, "freeze_epochs": 1, "epochs": 0}
    return train(small_config(encoder, colours, out, **few))


def metrics_of(run):
    return json.loads((run / "metrics.json").read_text(encoding="utf-8"))


def test_the_student_is_a_run_like_any_other(finished_run, colours, run_cli, tmp_path):
    out, more = tmp_path / "student", save_images(tmp_path / "more", 3, seed=9)
    words = ("--student", "mlp", "--unlabelled", more, *QUICK, "--out", out)
    status, _, error = run_cli("distill", finished_run, *words)
    assert status == 0, error
    metrics = metrics_of(out)
    assert metrics["unlabelled_pictures"] == 9
    assert metrics["teacher"]["test"] == pytest.approx(metrics_of(finished_run)["test"])
    assert evaluate(out)["accuracy"] == pytest.approx(metrics["test"]["accuracy"])
    assert table_rows(predict(out, [colours], out=tmp_path / "p.csv"))[0]["label"] in CLASSES
    assert export(out).exists()
    assert json.loads((out / "classes.json").read_text())["image_size"] == [12, 12]
    assert "The teacher:" in error and "9 images without labels" in error


def test_the_teacher_is_measured_with_its_mirror_images_and_the_student_without(
    mirrored_run, tmp_path, monkeypatch
):
    monkeypatch.setattr(job, "distill_into", lambda *_, **__: untrained_history())
    plain = load_run(mirrored_run)
    out = job.distill(mirrored_run, student="mlp", image_size=12, out=tmp_path / "student")
    metrics, teacher = metrics_of(out), evaluate(mirrored_run)
    assert metrics["teacher"]["test"]["loss"] == pytest.approx(teacher["loss"])
    assert abs(teacher["loss"] - measure(plain.model, own_splits(plain)[0].test)[1]["loss"]) > 1e-4
    student = load_run(out)
    alone = measure(student.model, own_splits(student)[0].test)[1]["loss"]
    assert metrics["test"]["loss"] == pytest.approx(alone)
    assert evaluate(out)["loss"] == pytest.approx(alone)
    assert json.loads((out / "classes.json").read_text())["test_time_flips"] is False


@pytest.mark.slow
def test_the_rest_are_the_training_images_whose_labels_were_not_used(few_labels_run, run_cli):
    _, splits, rest = load_origin(few_labels_run)
    assert len(splits.train) == 6
    everything = [set(part.ids) for part in (*splits[:3], rest)]
    assert sum(map(len, everything)) == len(set().union(*everything)) == 36
    out = few_labels_run.parent / "student"
    words = ("--student", "cnn:lenet", "--unlabelled", "rest", "--epochs", 1, "--image-size", 16)
    status, _, error = run_cli("distill", few_labels_run, *words, "--out", out)
    assert status == 0, error
    assert metrics_of(out)["unlabelled_pictures"] == len(rest)
    assert metrics_of(out)["pictures"]["train"] == 6


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--student", "cnn"), "Expected student to be one of cnn:"),
        (("--temperature", 0), "Expected temperature to be a number > 0"),
        (("--alpha", 2), "Expected alpha to be a number >= 0 and <= 1"),
        (("--image-size", 0), "Expected image_size to be an integer >= 1"),
        (("--unlabelled", "rest"), "Expected a run with labels_per_class for unlabelled='rest'"),
        (("--unlabelled", "nowhere"), "Expected source to be one of"),
    ],
)
def test_what_cannot_be_distilled_is_one_line(words, message, finished_run, run_cli, tmp_path):
    status, output, error = run_cli("distill", finished_run, *words, "--out", tmp_path / "x")
    assert (status, output) == (2, "")
    assert error.splitlines()[-1].startswith(f"Error: {message}")
    assert not (tmp_path / "x").exists()
