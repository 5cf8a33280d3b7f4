"""A comparison: the same terms for all, computed once, resumed where it was."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from tests.jobs.kills import kill_after
from tests.jobs.small_runs import CLASSES, save_images, use_one_rate
from tests.training.checkpoints.kills import Killed
from tl_keras import compare
from tl_keras.checks import InputError
from tl_keras.jobs.compare.results import COLUMNS, RUN, read_results, write_table
from tl_keras.jobs.compare.runner import MethodRunner
from tl_keras.training.frozen import feature_store
from tl_keras.training.frozen.feature_cache import Images

METHODS = ("scratch:mlp", "frozen", "fine-tune")
ASKED = {
    "methods": METHODS,
    "labels_per_class": (2,),
    "seeds": 2,
    "epochs": 2,
    "split": (0.5, 0.25, 0.25),
}


@pytest.fixture(scope="module")
def compared(encoder, colours, tmp_path_factory):
    """A finished comparison, and the split of each frozen part's run on images."""
    computed, compute = [], feature_store.compute_features

    def counted(prefix, source, **how):
        computed.extend([source.dataset.split] if isinstance(source, Images) else [])
        return compute(prefix, source, **how)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feature_store, "compute_features", counted)
        use_one_rate(patch)
        out = tmp_path_factory.mktemp("runs") / "compared"
        return compare(str(colours), backbone=str(encoder), out=out, **ASKED), computed


@pytest.fixture
def no_training(monkeypatch):
    def train(*_):
        pytest.fail("a net was trained before the refusal")

    monkeypatch.setattr(MethodRunner, "train", train)


def rows_of(path, *, without=()):
    with open(path / "results.csv", newline="") as file:
        return [{k: v for k, v in row.items() if k not in without} for row in csv.DictReader(file)]


def test_every_method_has_a_row_for_each_seed(compared):
    found, _ = compared
    runs = [(row["seed"], row["method"]) for row in found.rows]
    assert runs == [(seed, method) for seed in (0, 1) for method in METHODS]
    assert list(found.rows[0]) == list(rows_of(found.path)[0])
    assert {*found.rows[0]} == {*COLUMNS}
    assert all(row["train_pictures"] == 6 for row in found.rows)
    assert all(row["epochs"] == 2 for row in found.rows), "the budget of epochs is not equal"
    assert all(0 <= row["test_macro_f1"] <= 1 for row in (*found.rows, *found.summary))
    assert all(0 <= row["test_accuracy"] <= 1 and row["seconds"] > 0 for row in found.rows)


def test_results_that_are_older_than_macro_figures_are_read(compared, tmp_path):
    rows = rows_of(compared[0].path, without=("test_macro_f1",))
    write_table(tmp_path / "results.csv", rows)
    old, new = read_results(tmp_path / "results.csv"), compared[0].rows
    assert all(np.isnan(row.pop("test_macro_f1")) for row in old)
    assert old == [{k: v for k, v in row.items() if k != "test_macro_f1"} for row in new]


def test_frozen_parts_run_over_the_test_pictures_once_for_all_seeds(compared):
    _, computed = compared
    assert computed.count("test") == 2, "once for frozen, once for the lower half of fine-tune"
    # Two cuts for two seeds, and of each seed the images with their mirror images.
    assert computed.count("train") == computed.count("val") == 6


def test_folder_holds_the_table_the_figures_and_the_verdict(compared):
    found, _ = compared
    names = {path.name for path in found.path.iterdir()}
    assert names == {
        *("config.json", "environment.json", "results.csv", "correct.npz", "summary.csv"),
        *("metrics.json", "report.html", "figures", "splits.csv.gz"),
    }
    metrics = json.loads((found.path / "metrics.json").read_text())
    assert metrics["verdicts"] == list(found.verdicts.values())
    assert {(d["method"], d["other"]) for d in metrics["differences"]} == set(found.differences)
    page = (found.path / "report.html").read_text()
    assert metrics["verdicts"][0] in page
    assert "Each run of each method had 2 epochs" in page


def stopped(found, data, path):
    """A copy of a comparison on `data`, stopped before the last run of the second seed."""
    shutil.copytree(found.path, path)
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps(config | {"data": str(data)}))
    lines = (path / "results.csv").read_text().splitlines(keepends=True)
    (path / "results.csv").write_text("".join(lines[:6]))
    (path / ".part-xresults.csv").write_text("half a fi")
    (path / "report.html").unlink()
    return path


@pytest.mark.slow
@pytest.mark.usefixtures("one_rate")
def test_comparison_that_was_killed_within_runs_gives_the_same_table(
    compared, encoder, colours, tmp_path
):
    """Fault 35."""
    found, path = compared[0], tmp_path / "killed"
    asked = ASKED | {"backbone": str(encoder), "out": path, "checkpoint_minutes": 0}
    for events in (9, 4, 5):
        with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
            kill_after(patch, events)
            compare(str(colours), **asked)
    compare(str(colours), **asked)
    assert rows_of(path, without=["seconds"]) == rows_of(found.path, without=["seconds"])
    assert {file.name for file in path.iterdir()} == {file.name for file in found.path.iterdir()}


@pytest.mark.usefixtures("one_rate")
def test_stopped_comparison_goes_on_and_gives_the_same_table(
    compared, encoder, colours, tmp_path, capsys
):
    """With an image more in each class, and one more class: the splits are those from before.

    A row that was cut is made anew, and the others are kept.
    """
    found, _ = compared
    data = shutil.copytree(colours, tmp_path / "data")
    path = stopped(found, data, tmp_path / "stopped")
    more = save_images(tmp_path / "more", 1, seed=99)
    for name in CLASSES:
        shutil.copy(more / name / "0.png", data / name / "00.png")
    save_images(data, 6, seed=98, classes=("a new class",))
    text = (path / "results.csv").read_text()
    (path / "results.csv").write_text(text[:-30])
    again = compare(str(data), backbone=str(encoder), out=path, **ASKED)
    assert rows_of(path, without=["seconds"]) == rows_of(found.path, without=["seconds"])
    assert rows_of(path)[:4] == rows_of(found.path)[:4], "seconds of finished runs are not kept"
    assert again.verdicts == found.verdicts
    assert not list(path.glob(".part-*"))
    assert (path / "report.html").exists()
    said = capsys.readouterr().err
    assert f"New images in {data} are left out: 9 (" in said
    assert "1 rows of " in said and "cannot be read and are left out" in said


def test_comparison_does_not_go_on_with_another_number_of_test_images(
    compared, encoder, colours, tmp_path, no_training
):
    path = stopped(compared[0], colours, tmp_path / "stopped")
    rows = read_results(path / "results.csv")
    write_table(path / "results.csv", [row | {"test_pictures": 8} for row in rows])
    with np.load(path / "correct.npz") as file:
        kept = dict(file)
    np.savez(path / "correct.npz", **kept | {"correct": kept["correct"][:, :8]})
    with pytest.raises(InputError, match="Expected the 8 test images on which .*; received 9: the"):
        compare(str(colours), backbone=str(encoder), out=path, **ASKED)


@pytest.mark.parametrize(
    ("damage", "kept"),
    [
        (lambda text: text, 6),
        (lambda text: text[:-1], 5),  # the last number may lack digits
        (lambda text: text.replace(",2,0,", ",2,x,", 1), 5),
        (lambda text: text + "scratch", 6),
        (lambda text: text[: text.index("\n") + 1], 0),
    ],
)
def test_good_rows_of_a_damaged_table_are_kept(damage, kept, compared, tmp_path):
    text = (compared[0].path / "results.csv").read_text()
    (tmp_path / "results.csv").write_text(damage(text))
    rows = read_results(tmp_path / "results.csv")
    assert len(rows) == kept and all(row in compared[0].rows for row in rows)


@pytest.mark.parametrize("text", ["", "method,seed\n", "\0\0\0"])
def test_table_without_its_columns_is_refused(text, tmp_path):
    (tmp_path / "results.csv").write_text(text)
    with pytest.raises(InputError, match="received one without its columns. Remove the folder"):
        read_results(tmp_path / "results.csv")


def test_comparison_does_not_go_on_with_other_images(
    compared, encoder, colours, tmp_path, no_training
):
    found, _ = compared
    data = shutil.copytree(colours, tmp_path / "data")
    path = stopped(found, data, tmp_path / "stopped")
    (data / "green" / "3.png").unlink()
    with pytest.raises(InputError, match="begun, .* where 1 of them are missing.*: green/3.png"):
        compare(str(data), backbone=str(encoder), out=path, **ASKED)
    (path / "splits.csv.gz").unlink()
    with pytest.raises(InputError, match="keeps the images of its splits; received .*, an older"):
        compare(str(data), backbone=str(encoder), out=path, **ASKED)
    assert len(rows_of(path)) == 5


def test_answers_to_each_test_image_are_kept_for_every_run(compared):
    found, _ = compared
    with np.load(found.path / "correct.npz") as file:
        runs = list(zip(*(file[name].tolist() for name in RUN), strict=True))
        accuracies = file["correct"].mean(axis=1)
    assert runs == [tuple(row[name] for name in RUN) for row in found.rows]
    assert accuracies.tolist() == pytest.approx([row["test_accuracy"] for row in found.rows])
    assert [point["interval"] > 0 for point in found.summary] == [True] * len(METHODS)
    assert all(d.half > 0 for of_pair in found.differences.values() for d in of_pair.values())
    assert all("over seeds and test images" in text for text in found.verdicts.values())


@pytest.mark.parametrize("damage", ["missing", "half", "other runs", "other images"])
def test_folder_without_the_answers_of_its_runs_is_refused(
    damage, compared, encoder, colours, tmp_path, no_training
):
    path = shutil.copytree(compared[0].path, tmp_path / "damaged")
    answers = path / "correct.npz"
    with np.load(answers) as file:
        kept = dict(file)
    if damage == "missing":
        answers.unlink()
    elif damage == "half":
        answers.write_bytes(answers.read_bytes()[:200])
    elif damage == "other runs":
        np.savez(answers, **{name: values[:-1] for name, values in kept.items()})
    else:
        np.savez(answers, **kept | {"correct": kept["correct"][:, :-1]})
    with pytest.raises(InputError, match="correct.npz to say which test images .*anew"):
        compare(str(colours), backbone=str(encoder), out=path, **ASKED)


def test_finished_comparison_is_read_not_trained(compared, encoder, colours, no_training):
    found, _ = compared
    assert compare(str(colours), backbone=str(encoder), out=found.path, **ASKED) == found


@pytest.mark.fault(39)
def test_other_settings_into_the_folder_are_refused_and_named(
    compared, encoder, colours, no_training
):
    found, _ = compared
    before = (found.path / "results.csv").read_text()
    changed = ASKED | {"epochs": 3, "seeds": 5}
    with pytest.raises(InputError) as refused:
        compare(str(colours), backbone=str(encoder), out=found.path, **changed)
    assert "seeds 5 (there: 2), epochs 3 (there: 2). Nothing in it was changed" in str(
        refused.value
    )
    assert (found.path / "results.csv").read_text() == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels_per_class": (2, 7)}, "of each class .*received class 'blue sky' with 6"),
        ({"methods": ("fine-tuen",)}, "methods to be one of fine-tune, .*'fine-tuen'"),
        ({"methods": ("scratch:cn",)}, "methods to be one of scratch:cnn"),
        ({"methods": ("frozen:no/such.keras",)}, "which must be there; received 'frozen:no/such"),
        ({"methods": ("joint",)}, "source_data for the method 'joint'"),
        ({"source_data": "digits"}, "the method 'joint' with source_data"),
        ({"methods": ("frozen", "frozen")}, "methods, each once; received frozen, frozen"),
        ({"labels_per_class": ()}, "labels_per_class, each once; received none"),
        ({"labels_per_class": (0, 2)}, "labels_per_class to be an integer >= 1"),
        ({"seeds": 0}, "seeds to be an integer >= 1; received seeds=0"),
        ({"backbone": None}, "a backbone for the method 'frozen'; received none"),
        ({"weights": "auto"}, "weights to be 'imagenet', 'random' or a weights file"),
        ({"weights": "random"}, "no weights where it has no effect"),
        (
            {"methods": ("scratch:cnn:lenet",), "backbone": None, "baseline_size": 8},
            "at least 16 x 16 pixels",
        ),
        ({"baseline_size": 8, "methods": ("frozen",)}, "no baseline_size where it has no effect"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_training(
    changes, message, encoder, colours, no_training, tmp_path
):
    asked = ASKED | {"backbone": str(encoder)} | changes
    with pytest.raises(InputError, match=message):
        compare(str(colours), out=tmp_path / "run", **asked)
    assert not (tmp_path / "run").exists()


def test_command_is_refused_in_one_line_too(run_cli, colours, no_training):
    words = ("compare", "--data", colours, "--methods", "joint", "--labels-per-class", "2")
    status, _, error = run_cli(*words)
    assert (status, error.count("\n")) == (2, 1)
    assert error.startswith("Error: Expected source_data for the method 'joint'")
    status, _, error = run_cli(*words[:-1], "2,few")
    assert error == (
        "Error: Expected labels_per_class to be an integer >= 1; received labels_per_class='few'.\n"
    )


@pytest.mark.slow
def test_killed_command_started_again_gives_the_same_table(encoder, colours, tmp_path):
    found = compare(str(colours), backbone=str(encoder), out=tmp_path / "whole", **ASKED)
    options = {
        "--data": colours, "--backbone": encoder, "--methods": ",".join(METHODS),
        "--labels-per-class": 2, "--seeds": 2, "--epochs": 2, "--split": "0.5,0.25,0.25",
        "--out": tmp_path / "killed",
    }  # fmt: skip
    words = [str(word) for pair in options.items() for word in pair]
    command = [sys.executable, "-m", "tl_keras", "compare", *words]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    table = tmp_path / "killed" / "results.csv"
    while not table.exists() or table.read_text().count("\n") < 4:
        assert running.poll() is None, "it ended before it was killed"
        time.sleep(0.02)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    assert not (tmp_path / "killed" / "report.html").exists()
    subprocess.run(command, check=True, capture_output=True)
    assert rows_of(tmp_path / "killed", without=["seconds"]) == rows_of(
        found.path, without=["seconds"]
    )


def test_test_images_that_an_encoder_was_trained_on_are_said_and_stand_on_the_page(
    copied_run, colours, tmp_path, capfd, monkeypatch
):
    use_one_rate(monkeypatch)
    asked = ASKED | {"methods": (f"linear:{copied_run}",), "seeds": 1, "seed": 5}
    found = compare(str(colours), out=tmp_path / "out", **asked)
    said = f"test images, {copied_run} was trained on "
    assert said in capfd.readouterr().err
    assert said in (found.path / "report.html").read_text(encoding="utf-8")
