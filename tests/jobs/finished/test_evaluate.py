"""Measuring a finished run again."""

import json
import shutil

import pytest

from tests.jobs.small_runs import save_images
from tl_keras.checks import InputError
from tl_keras.jobs.finished.evaluate import evaluate


@pytest.mark.parametrize("split", ["val", "test"])
def test_figures_are_those_of_the_training_run(split, finished_run):
    metrics = json.loads((finished_run / "metrics.json").read_text())[split]
    figures = evaluate(finished_run, split=split)
    assert figures["num_examples"] == 9
    for name, value in metrics.items():
        assert figures[name] == pytest.approx(value, abs=1e-5), name


def test_all_splits_together_count_every_picture(finished_run, capsys):
    figures = evaluate(finished_run, split="all")
    assert figures["num_examples"] == 36
    assert json.loads(capsys.readouterr().out)["accuracy"] == figures["accuracy"]


def test_figures_are_written_whole_where_they_are_wanted(finished_run, tmp_path):
    figures = evaluate(finished_run, out=tmp_path / "deep" / "figures.json")
    assert json.loads((tmp_path / "deep" / "figures.json").read_text()) == figures
    assert len(figures["confusion_matrix"]) == 3


def test_data_with_more_classes_are_restricted_to_those_of_the_run(finished_run, colours, tmp_path):
    more = shutil.copytree(colours, tmp_path / "more")
    shutil.copytree(more / "green", more / "a new class")
    figures = evaluate(finished_run, data=str(more), split="all")
    assert figures["num_examples"] == 36
    assert [row["class"] for row in figures["per_class"]] == ["blue sky", "green", "röd"]
    same = evaluate(finished_run, split="all")
    assert figures["accuracy"] == same["accuracy"]


def test_classes_that_the_data_lack_are_listed(finished_run, tmp_path):
    data = save_images(tmp_path / "data", 4, classes=("green", "grey"))
    with pytest.raises(InputError, match="data without blue sky, röd. It has green, grey."):
        evaluate(finished_run, data=str(data))


def test_unknown_split_is_refused_with_the_nearest_first(finished_run):
    with pytest.raises(InputError, match="split to be one of test, .*received split='tests'"):
        evaluate(finished_run, split="tests")


def test_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(InputError, match="Expected a finished run folder with config.json"):
        evaluate(tmp_path)


def test_data_of_the_run_that_are_gone_are_named(copied_run):
    config = json.loads((copied_run / "config.json").read_text())
    config["data"] = "/gone/away"
    (copied_run / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match="received /gone/away, which is none of these"):
        evaluate(copied_run)
