"""Every command takes labels.csv as its data."""

import csv
import json
import shutil

import pytest

from tests.jobs.small_runs import save_images, small_config, use_one_rate
from tl_keras.data.loading import load_unsplit
from tl_keras.data.sources.label_rows import NONE_OF_THESE, LabelLog, LabelRow
from tl_keras.jobs.train.train import train

LEFT_OUT = "2 images of"


@pytest.fixture(scope="module")
def labels(tmp_path_factory):
    """labels.csv of a folder without class folders: ten of each colour, two of none of these."""
    folder = tmp_path_factory.mktemp("labelled")
    sorted_images = save_images(folder / "sorted", 11)
    (folder / "photos").mkdir()
    answers = {}
    for path in sorted_images.rglob("*.png"):
        name = f"{path.parent.name} <i>{path.name}"
        shutil.copy(path, folder / "photos" / name)
        is_none = path.name == "10.png" and path.parent.name != "green"
        answers[name] = NONE_OF_THESE if is_none else path.parent.name
    _, inspection = load_unsplit(folder / "photos")
    log = LabelLog(folder / "run" / "labels.csv", folder / "photos")
    log.append(
        LabelRow(name, label, inspection.contents[str(folder / "photos" / name)])
        for name, label in answers.items()
    )
    return log.path


@pytest.fixture(scope="module")
def trained(labels, encoder, tmp_path_factory):
    """A run that was trained on the labels."""
    with pytest.MonkeyPatch.context() as patch:
        use_one_rate(patch)
        return train(small_config(encoder, labels, tmp_path_factory.mktemp("runs") / "run"))


def rows_of(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_train_learns_from_the_labels_and_says_what_is_left_out(trained, labels):
    classes = json.loads((trained / "classes.json").read_text())["class_names"]
    assert classes == ["blue sky", "green", "röd"]
    assert LEFT_OUT in (trained / "report.html").read_text(encoding="utf-8")
    assert json.loads((trained / "config.json").read_text())["data"] == str(labels)


def test_finished_run_finds_its_images_again(trained, labels, run_cli, tmp_path):
    run = shutil.copytree(trained, tmp_path / "run")
    status, _, error = run_cli("evaluate", run)
    assert status == 0 and "missing" not in error and "left out:" not in error, error
    status, _, error = run_cli("predict", run, labels, "--out", tmp_path / "predictions.csv")
    assert status == 0, error
    rows = rows_of(tmp_path / "predictions.csv")
    assert len(rows) == 33 and not any(row["error"] for row in rows)


def test_check_lists_classes_and_names_what_has_changed(labels, run_cli, tmp_path):
    status, output, error = run_cli("check", labels, "--out", tmp_path / "checked")
    assert status == 0, error
    assert output.startswith("class,train,val,test") and LEFT_OUT in output
    photos = shutil.copytree(labels.parent.parent / "photos", tmp_path / "photos")
    moved = tmp_path / "labels.csv"
    moved.write_text("# images in photos\n" + labels.read_text().split("\n", 1)[1])
    first, other = sorted(photos.glob("green*"))[:2]
    shutil.copy(other, first)
    status, _, error = run_cli("check", moved, "--out", tmp_path / "moved-checked")
    assert status == 2 and f"{first}: its pixels have changed" in error


def test_explore_compares_its_groups_with_the_labels(labels, run_cli, tmp_path):
    words = ("--backbone", "pixels", "--image-size", 8, "--out", tmp_path / "out")
    status, _, error = run_cli("explore", labels, *words)
    assert status == 0 and "Compared with the folders or labels" in error, error


def test_compare_few_shot_and_recommend_take_them(labels, encoder, run_cli, tmp_path, one_rate):
    few = ("--methods", "frozen", "--labels-per-class", 2, "--seeds", 1, "--epochs", 1)
    words = ("--data", labels, "--backbone", encoder, *few, "--out", tmp_path / "compared")
    status, _, error = run_cli("compare", *words, "--split", "0.5,0.25,0.25")
    assert status == 0, error
    words = ("few-shot", "--encoder", encoder, "--support", labels, "--query", labels)
    status, _, error = run_cli(*words, "--run", tmp_path / "few", "--out", tmp_path / "few.csv")
    assert status == 0, error


def test_shards_of_them_have_their_labels(labels, run_cli, tmp_path):
    status, _, error = run_cli("shard", labels, "--out", tmp_path / "shards")
    assert status == 0 and LEFT_OUT in error and "31 images" in error, error


def test_a_file_that_is_no_table_is_one_line(run_cli, tmp_path):
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n")
    status, _, error = run_cli("check", tmp_path / "bad.csv")
    assert status == 2 and error.count("\n") == 1 and "columns path and class" in error
