"""Runs whose model answers with a promised error, from training to prediction."""

import dataclasses
import html
import json
import shutil

import keras
import numpy as np
import pytest
from PIL import Image

from tests.jobs.small_runs import CLASSES, answering_config, save_images, table_rows
from tl_keras.checks import InputError
from tl_keras.data.dataset import ImageDataset, Splits
from tl_keras.data.split_records import contents_of
from tl_keras.evaluation.classifiers.answers import answers_on
from tl_keras.evaluation.classifiers.selective_error import promised_threshold
from tl_keras.jobs.finished import predict as predict_module
from tl_keras.jobs.finished.evaluate import evaluate
from tl_keras.jobs.finished.predict import predict
from tl_keras.jobs.finished.prune import prune
from tl_keras.jobs.runs.derived_run import load_origin
from tl_keras.jobs.runs.reading.run_splits import own_splits
from tl_keras.jobs.runs.reading.trained_run import load_run
from tl_keras.jobs.train.answering import (
    CHOOSING,
    calibration_rows,
    check_images,
    divided,
    novelty_limit,
)
from tl_keras.jobs.train.train import train
from tl_keras.models.answers.answering_model import answers
from tl_keras.settings.fine_tune import FineTuneSettings
from tl_keras.settings.train import TrainSettings


@pytest.fixture(scope="session")
def metrics(answering_run):
    return json.loads((answering_run / "metrics.json").read_text(encoding="utf-8"))


def test_figures_are_those_of_the_model_on_the_splits(answering_run, metrics):
    figures = metrics["answers"]
    val, test = figures["val"], figures["test"]
    kept = metrics["pictures"]["val"] - round(CHOOSING * metrics["pictures"]["val"])
    assert val["images"] == kept >= val["known"] >= val["answered"] > 0
    assert test["images"] == metrics["pictures"]["test"]
    assert test["answered"] + test["novel"] + test["unsure"] == test["images"]
    measured = evaluate(answering_run)
    assert measured["answers"] == test
    assert measured["accuracy"] == metrics["test"]["accuracy"]


def test_promise_is_that_of_the_saved_model_on_images_that_chose_nothing(answering_run, metrics):
    trained, val = load_run(answering_run), metrics["answers"]["val"]
    splits, *_ = own_splits(trained, ("train", "val"))
    seen, promise = divided(splits, chooses=True, seed=trained.config["fine_tune"]["seed"])
    assert not set(seen.ids) & set(promise.ids)
    found = answers_on(trained.answering, promise)
    wrong = found.answered & (found.answer != found.labels)
    assert (found.answered.sum(), wrong.sum()) == (val["answered"], val["errors"])
    assert (~found.novel).sum() == val["known"]


def test_validation_images_are_not_trained_on(answering_run):
    config = json.loads((answering_run / "config.json").read_text(encoding="utf-8"))
    assert config["max_error"] == 0.3
    assert not config["fine_tune"]["refit"]
    with pytest.raises(InputError, match="no refit with max_error.*received refit=True with max_e"):
        TrainSettings("vgg16", "digits", max_error=0.02, fine_tune=FineTuneSettings(refit=True))


def test_page_shows_the_promise_and_both_reasons(answering_run):
    page = (answering_run / "report.html").read_text(encoding="utf-8")
    assert 'id="answers"' in page
    assert "At most 30.0% of the answers are wrong, with a confidence of 90%" in page
    assert (answering_run / "figures" / "answers.png").is_file()
    assert 'outputs["answer"][0]' in html.unescape(page)


def test_predictions_say_the_answer_or_why_there_is_none(answering_run, tmp_path, capsys):
    images = save_images(tmp_path / "images", 6, seed=5)
    noise = np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8)
    Image.fromarray(noise).save(images / "noise.png")
    (images / "cut.png").write_bytes(b"\x89PNG")
    predict(answering_run, [str(images)], out=tmp_path / "out.csv")
    rows = table_rows(tmp_path / "out.csv")
    assert list(rows[0])[:8] == [
        *("path", "label", "probability", "error", "answer", "why", "novelty"),
        f"p({CLASSES[0]})",
    ]
    for row in rows:
        if row["error"]:
            assert row["path"].endswith("cut.png")
            assert row["answer"] == row["why"] == row["novelty"] == ""
        elif row["why"] == "novel":
            assert float(row["novelty"]) > 0
            assert row["answer"] == "none of these"
        elif row["why"] == "unsure":
            assert float(row["novelty"]) <= 0
            assert row["answer"] == ""
        else:
            assert row["answer"] == row["label"] in CLASSES
    assert sum(row["answer"] in CLASSES for row in rows) >= 3
    left = [sum(row["why"] == why for row in rows) for why in ("novel", "unsure")]
    told = "Left to a person: {} as novel, {} as unsure.".format(*left)
    assert told in capsys.readouterr().err


def test_cells_of_an_answer_name_the_reason():
    cells = predict_module.answer_cells
    assert cells(1, -0.5, CLASSES) == [CLASSES[1], "", "-0.500000"]
    assert cells(-1, -0.5, CLASSES) == ["", "unsure", "-0.500000"]
    assert cells(-1, 0.5, CLASSES) == ["none of these", "novel", "0.500000"]


def test_run_that_was_not_measured_is_completed_with_its_answers(
    answering_run, metrics, tmp_path, monkeypatch
):
    run = shutil.copytree(answering_run, tmp_path / "run")
    (run / "metrics.json").unlink()
    known = {key: value for key, value in metrics.items() if key != "test"}
    known["answers"] = {k: v for k, v in metrics["answers"].items() if k != "test"}
    phases = [{"name": "head", "start": 0, "end": 3}, {"name": "fine_tune", "start": 3, "end": 6}]
    content = {"metrics": known, "phases": phases}
    (run / "unmeasured.json").write_text(json.dumps(content), encoding="utf-8")
    evaluate(run)
    again = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    assert again["answers"] == metrics["answers"]


def test_command_that_makes_a_model_from_such_a_run_says_what_is_lost(answering_run, capsys):
    trained, *_ = load_origin(answering_run)
    assert "promises an error; the new model has probabilities alone" in capsys.readouterr().err
    assert trained.model.output_shape == (None, len(CLASSES))


@pytest.mark.slow
def test_model_made_from_such_a_run_has_probabilities_alone(answering_run, tmp_path, capsys):
    prune(answering_run, sparsity=0.5, epochs=1, out=tmp_path / "pruned")
    capsys.readouterr()
    pruned = load_run(tmp_path / "pruned")
    assert pruned.answering is None
    assert "NO ANSWERS" not in capsys.readouterr().err
    assert pruned.config["max_error"] is None


def test_too_few_images_are_told_and_nothing_is_answered(encoder, colours, tmp_path, capsys):
    train(
        answering_config(
            encoder, colours, tmp_path / "run", max_error=0.02, epochs=0, freeze_epochs=1
        )
    )
    told = capsys.readouterr().err
    assert "NOTHING IS ANSWERED: to promise at most 2.0% wrong takes at least 114" in told
    model = keras.saving.load_model(tmp_path / "run" / "model.keras")
    assert answers(model)
    images = np.random.default_rng(0).uniform(0, 255, (4, *model.input_shape[1:]))
    assert (model(images.astype(np.float32))["answer"].numpy() == -1).all()
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "None of the 6 test images is answered" in page


@pytest.mark.parametrize(("val", "train"), [(0, 9), (5, 2)])
def test_data_without_validation_images_are_refused_before_training(val, train):
    images = ImageDataset(np.zeros((9, 4, 4, 3), np.uint8), np.arange(9) % 2, ("a", "b"))
    splits = Splits(images.subset(range(train)), images.subset(range(val)), images, None)
    with pytest.raises(InputError, match=f"for max_error; received {val} and {train}. Give more"):
        check_images(splits)


def test_promise_is_of_images_that_are_new_and_independent():
    """Not of those that train has too, nor of several of one group."""
    x = np.arange(20, dtype=np.uint8).reshape(-1, 1, 1, 1) * np.ones((20, 4, 4, 3), np.uint8)
    train = ImageDataset(x[:8], np.arange(8) % 2, ("a", "b"), split="train")
    val = ImageDataset(x[6:16], np.arange(10) % 2, ("a", "b"), split="val")
    found = calibration_rows(Splits(train, val, train, None))
    np.testing.assert_array_equal(found, range(2, 10))
    val = dataclasses.replace(val, groups=np.array([0, 1, 2, 3, 2, 5, 6, 3, 2, 9]))
    splits = Splits(train, val, train, None)
    np.testing.assert_array_equal(calibration_rows(splits), [2, 3, 5, 6, 9])
    found = calibration_rows(splits, set(contents_of(val, {})[4:6]))
    np.testing.assert_array_equal(found, [3, 6, 9])
    with pytest.raises(InputError, match="2 validation images that are new.*received 1 among 4"):
        check_images(Splits(train, val.subset([0, 1, 2, 4]), train, None))


def test_images_that_choose_weights_and_those_of_the_promise_share_no_group():
    x = np.arange(20, dtype=np.uint8).reshape(-1, 1, 1, 1) * np.ones((20, 4, 4, 3), np.uint8)
    train = ImageDataset(x[:5], np.arange(5) % 2, ("a", "b"), split="train")
    groups = np.array([0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 7, 8])
    val = ImageDataset(x[5:], np.arange(15) % 2, ("a", "b"), split="val", groups=groups)
    chosen = set()
    for seed in range(4):
        seen, promise = divided(Splits(train, val, train, None), chooses=True, seed=seed)
        assert len(set(promise.groups)) == len(promise) == 6
        assert set(seen.groups) | set(promise.groups) == set(groups)
        assert not set(seen.groups) & set(promise.groups)
        chosen.add(tuple(promise.rows))
    assert len(chosen) > 1
    seen, promise = divided(Splits(train, val, train, None), chooses=False)
    assert len(seen) == 15 and len(promise) == 9


def test_promise_is_kept_though_the_luckiest_of_several_classifiers_was_chosen():
    """All are wrong a little more often than promised, so every answer breaks the promise."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 255, (140, 2, 2, 3), np.uint8)
    images = ImageDataset(x, np.arange(140) % 2, ("a", "b"))
    splits = Splits(images.subset(range(20), "train"), images.subset(range(20, 140), "val"), None)
    seen, promise = divided(splits, chooses=True)
    apart, same = [seen.rows, promise.rows], [splits.val.rows] * 2
    broken = dict.fromkeys(("apart", "same"), 0)
    for _ in range(300):
        right, sure = rng.uniform(size=(40, 140)) > 0.21, rng.uniform(size=140)
        for way, (choosing, kept) in (("apart", apart), ("same", same)):
            best = right[right[:, choosing].mean(axis=1).argmax()]
            broken[way] += promised_threshold(sure[kept], best[kept], 0.2).least is not None
    assert 0 < broken["apart"] / 300 <= 0.1 < 0.15 < broken["same"] / 300


def test_images_that_the_backbone_was_trained_on_take_no_part_in_the_promise(
    answering_run, colours, tmp_path, capsys
):
    once = {"epochs": 0, "freeze_epochs": 1}
    train(answering_config(answering_run, colours, tmp_path / "run", seed=1, **once))
    splits = {record.split: set() for record in load_run(answering_run).records}
    for record in load_run(answering_run).records:
        splits[record.split].add(record.content)
    val = {r.content for r in load_run(tmp_path / "run").records if r.split == "val"}
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text(encoding="utf-8"))
    assert 0 < len(val & splits["train"]) < len(val)
    new = len(val - splits["train"])
    assert metrics["answers"]["val"]["images"] == new - round(CHOOSING * new)
    assert "take no part in the promise" in " ".join(capsys.readouterr().err.split())


def test_copies_of_training_images_take_no_part_in_the_promise(encoder, colours, tmp_path, capsys):
    """Their answers are those that were learned by heart."""
    for split, names in (("train", "012345"), ("val", "0123456"), ("test", "789")):
        for folder in sorted(colours.iterdir()):
            (tmp_path / split / folder.name).mkdir(parents=True)
            for name in names:
                shutil.copy(folder / f"{name}.png", tmp_path / split / folder.name)
    train(answering_config(encoder, tmp_path, tmp_path / "run", epochs=0, freeze_epochs=1))
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["answers"]["val"]["images"] == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "19 of 21 validation images take no part in the promise" in told


def test_limit_of_novelty_is_the_conformal_quantile():
    assert novelty_limit(np.arange(99.0)) == 94  # the 95th smallest of 99
    assert novelty_limit(np.arange(5.0)) == 4
    rng = np.random.default_rng(0)
    novel = [rng.normal() > novelty_limit(rng.normal(size=40)) for _ in range(4000)]
    assert 0.02 < np.mean(novel) <= 0.05 + 0.01


def test_promised_error_is_a_share():
    for value in (0, 1, -0.1, float("nan")):
        with pytest.raises(InputError, match="max_error to be a number < 1 and > 0|> 0 and < 1"):
            TrainSettings("vgg16", "digits", max_error=value)
