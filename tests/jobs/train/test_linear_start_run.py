"""A training run from a linear start whose model is one network."""

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from tests.jobs.small_runs import save_images, small_config
from tl_keras import InputError, load_dataset, load_model
from tl_keras.files import read_json
from tl_keras.jobs.compare.methods import parse_method
from tl_keras.jobs.finished.evaluate import evaluate
from tl_keras.jobs.runs.measuring import measure, views_of
from tl_keras.jobs.runs.reading.known_images import trained_on
from tl_keras.jobs.runs.reading.run_splits import say_if_refitted
from tl_keras.jobs.runs.reading.trained_run import load_run
from tl_keras.jobs.train import train as train_job
from tl_keras.jobs.train.calibrating import calibrate, calibration_figures, val_predictions
from tl_keras.jobs.train.starting_point import starting_point
from tl_keras.jobs.train.train import train
from tl_keras.training.fine_tuning.from_linear import FromLinear, Starts
from tl_keras.training.temperature import tempered
from tl_keras.training.time_limit import Deadline

LINEAR = {"head": "linear", "hidden_units": None, "freeze_epochs": None, "augment": "flip"}


@pytest.fixture(scope="module")
def balanced(encoder, colours, tmp_path_factory):
    out = tmp_path_factory.mktemp("linear") / "run"
    changes = LINEAR | {"epochs": 2, "dropout": None, "unfreeze": "all", "average": False}
    return train(small_config(encoder, colours, out, **changes))


@pytest.fixture(scope="module")
def metrics(balanced):
    return json.loads((balanced / "metrics.json").read_text(encoding="utf-8"))


def test_the_start_stands_beside_the_final_model(balanced, metrics):
    start, points = metrics["linear_start"], metrics["fine_tuning"]["points"]
    assert {"accuracy", "loss", "seconds", "difference", "half_width"} <= set(start)
    assert [point["share"] for point in points] == [0, 0.25, 0.5, 0.75, 1]
    usual, lowest = points[3], min(points, key=lambda point: point["loss"])
    clearly = usual["loss"] - lowest["loss"] > usual["standard_error"]
    assert points[metrics["fine_tuning"]["chosen"]] == (lowest if clearly else usual)
    page = (balanced / "report.html").read_text(encoding="utf-8")
    assert "the linear start alone" in page


def test_validation_figures_are_from_before_its_images_were_trained_on(balanced, metrics):
    tuning, config = metrics["fine_tuning"], read_json(balanced / "config.json")
    assert tuning["refit"] is True and config["fine_tune"]["refit"] is True
    point = tuning["points"][tuning["chosen"]]
    assert metrics["val"]["accuracy"] == pytest.approx(point["accuracy"])
    assert "the same again with the" in (balanced / "report.html").read_text(encoding="utf-8")
    trained = load_run(balanced)
    assert trained_on(trained) == trained.contents("train") | trained.contents("val")


def test_after_a_refit_no_image_that_it_saw_counts_as_held_out():
    before = np.full((1, 4, 3), 1 / 3)  # without mirror images, as training without them leaves it
    tuned = FromLinear(Starts(None), [], [], 3, val=before, refit=True)
    found = val_predictions(tuned, None, flips=True)  # no model is asked again
    np.testing.assert_array_equal(found, before)


def test_figures_on_images_of_a_refit_are_said_to_flatter(balanced, capfd):
    evaluate(balanced)
    assert "NOT NEW" not in capfd.readouterr().err
    evaluate(balanced, split="val")
    said = f"{balanced} was trained on its validation images too"
    assert said in capfd.readouterr().err
    trained = load_run(balanced)
    for key in ("teacher", "pruned_from"):  # a run that was made from this one
        config = trained.config | {key: str(balanced)}
        say_if_refitted(dataclasses.replace(trained, path="made", config=config))
        assert f"{said} (refit). Figures on them flatter made.\n" in capfd.readouterr().err


def test_a_refit_that_was_left_out_makes_no_validation_image_a_training_image(
    encoder, colours, tmp_path, monkeypatch, capfd
):
    answers = iter([True, True])  # at all, the first fine-tuning
    monkeypatch.setattr(Deadline, "allows", lambda *_: next(answers, False))
    changes = LINEAR | {"epochs": 1, "dropout": None, "unfreeze": "all", "average": False}
    run = train(small_config(encoder, colours, tmp_path / "run", **changes))
    assert read_json(run / "config.json")["fine_tune"]["refit"] is True
    evaluate(run, split="val")
    said = capfd.readouterr().err
    assert "the last fit with the validation images is left out" in said and "NOT NEW" not in said
    trained = load_run(run)
    assert trained_on(trained) == trained.contents("train")


def test_without_refit_validation_figures_are_of_the_model_itself(encoder, colours, tmp_path):
    changes = LINEAR | {"epochs": None, "lr": None, "preset": "fast", "refit": False}
    run = train(small_config(encoder, colours, tmp_path / "run", **changes))
    metrics = read_json(run / "metrics.json")
    assert metrics["fine_tuning"]["refit"] is False
    assert evaluate(run, split="val")["loss"] == pytest.approx(metrics["val"]["loss"], abs=1e-6)
    trained = load_run(run)
    assert trained_on(trained) == trained.contents("train")


def test_a_number_of_labels_is_kept_to(encoder, colours):
    config = small_config(encoder, colours, None, **LINEAR, labels_per_class=2)
    splits = load_dataset(colours, labels_per_class=2)
    assert starting_point(config, splits).resolved(config).fine_tune.refit is False
    asked = small_config(encoder, colours, None, **LINEAR, labels_per_class=2, refit=True)
    assert starting_point(asked, splits).resolved(asked).fine_tune.refit is True


def test_dropout_is_none_from_a_linear_start_and_config_says_so(balanced):
    config = json.loads((balanced / "config.json").read_text(encoding="utf-8"))
    classes = json.loads((balanced / "classes.json").read_text(encoding="utf-8"))
    assert classes["test_time_flips"] is True  # as training mirrors
    assert config["dropout"] == 0 and config["fine_tune"]["linear_start"] is True
    assert load_model(balanced / "model.keras").get_layer("head_dropout").rate == 0


def test_the_temperature_lies_in_the_saved_model(balanced, metrics):
    figures = metrics["calibration"]
    page = (balanced / "report.html").read_text(encoding="utf-8")
    assert f"A temperature of {metrics['temperature']:.2f}, fitted on held-out images" in page
    assert figures["after"]["loss"] == pytest.approx(metrics["test"]["loss"], abs=1e-6)
    assert evaluate(balanced)["loss"] == pytest.approx(metrics["test"]["loss"], abs=1e-6)


def test_fast_trains_no_epoch(encoder, colours, tmp_path):
    changes = LINEAR | {"epochs": None, "lr": None, "preset": "fast"}
    run = train(small_config(encoder, colours, tmp_path / "run", **changes))
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["fine_tuning"]["chosen"] == 0 and len(metrics["fine_tuning"]["points"]) == 1
    assert metrics["linear_start"]["difference"] == 0
    assert "The model is its linear start" in (run / "report.html").read_text(encoding="utf-8")


def test_the_start_is_calibrated_like_the_model_that_it_stands_beside(
    metrics, encoder, colours, tmp_path
):
    """Expects one log loss of one regression, whether it is the model or stands beside it."""
    changes = LINEAR | {"epochs": None, "lr": None, "preset": "fast", "dropout": None}
    run = train(small_config(encoder, colours, tmp_path / "run", **changes))
    fast = read_json(run / "metrics.json")
    assert metrics["fine_tuning"]["chosen"] and abs(fast["temperature"] - 1) > 0.01
    names = ("accuracy", "loss", "expected_calibration_error")
    for name in names:
        assert metrics["linear_start"][name] == pytest.approx(fast["test"][name], rel=1e-4)


def test_calibration_undoes_what_made_a_model_too_sure(balanced, colours):
    val = load_dataset(colours, split_fractions=(0.2, 0.6, 0.2)).val
    labels = np.where(np.arange(len(val)) % 3 == 0, (val.labels + 1) % 3, val.labels)
    val = dataclasses.replace(val, labels=labels)  # a third is wrong, whatever the model says
    model = load_model(balanced / "model.keras")
    layer = model.get_layer("predictions")
    layer.set_weights([5 * weight for weight in layer.get_weights()])
    sure = views_of(model, val)[0]
    temperature = calibrate(model, views_of(model, val), val.labels)
    assert temperature > 2
    after = views_of(model, val)
    figures = calibration_figures(tempered(after, 1 / temperature), after.mean(axis=0), labels)
    right = np.maximum(sure[np.arange(len(val)), labels], 1e-7)
    assert figures["before"]["loss"] == pytest.approx(-np.log(right).mean(), rel=0.02)
    assert figures["after"]["loss"] < figures["before"]["loss"] - 1


def test_a_comparison_has_the_linear_start_as_a_method(encoder):
    method = parse_method("linear", str(encoder))
    assert method.kind == "linear" and not method.is_baseline and len(method.rates) == 1


def test_images_of_ugly_names_and_a_class_of_one_image_are_fine(encoder, tmp_path):
    folder = save_images(tmp_path / "data", 6, classes=("röd", "ü b", "z"))
    for path in sorted((folder / "z").iterdir())[3:]:
        path.unlink()
    changes = LINEAR | {"epochs": None, "lr": None, "preset": "fast", "split": (0.34, 0.33, 0.33)}
    run = train(small_config(encoder, folder, tmp_path / "run", **changes))
    assert (run / "report.html").is_file()


def test_the_training_figures_of_a_start_need_no_further_pass(
    encoder, colours, tmp_path, monkeypatch
):
    measured = []
    monkeypatch.setattr(
        train_job,
        "measure",
        lambda model, *parts, **rest: measured.extend(parts) or measure(model, *parts, **rest),
    )
    changes = LINEAR | {"augment": "none", "dropout": None, "preset": "fast", "epochs": None}
    run = train(small_config(encoder, colours, tmp_path / "run", **changes, lr=None))
    figures = read_json(run / "metrics.json")["train"]
    assert "train" not in [part.split for part in measured]
    model = load_run(run).model
    part = load_dataset(str(colours), split_fractions=(0.5, 0.25, 0.25)).train
    assert figures["accuracy"] == pytest.approx(measure(model, part)[1]["accuracy"])


def test_images_that_are_all_alike_leave_no_folder_with_a_random_head(encoder, tmp_path, capfd):
    for name in ("a", "b"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(8):
            size = (20 + number, 20 + 2 * number)  # other files, and the same once resized
            path = tmp_path / "data" / name / f"{number}.png"
            Image.new("RGB", size, (9, 90, 200)).save(path)
    changes = LINEAR | {"epochs": None, "lr": None, "preset": "fast"}
    config = small_config(encoder, tmp_path / "data", tmp_path / "run", **changes)
    with pytest.raises(InputError, match=r"features that differ .*\(--no-linear-start\)"):
        train(config)
    assert not (tmp_path / "run").exists()
    said = capfd.readouterr().err
    assert "weights so far" not in said and "goes on" not in said
