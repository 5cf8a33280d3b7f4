"""A training run whose model averages the predictions of several networks."""

import json
import shutil

import keras
import numpy as np
import pytest

from tests.jobs.kills import kill_after
from tests.jobs.small_runs import BEST, probabilities_of, small_config, table_rows
from tests.training.checkpoints.kills import Killed, assert_equal_weights
from tl_keras import InputError, load_dataset, load_model
from tl_keras.files import read_json, write_json
from tl_keras.jobs.finished.distill import distill
from tl_keras.jobs.finished.evaluate import evaluate
from tl_keras.jobs.finished.predict import predict
from tl_keras.jobs.finished.prune import prune
from tl_keras.jobs.runs.measuring import measure, views_of
from tl_keras.jobs.runs.reading.trained_run import load_run
from tl_keras.jobs.runs.writing.unmeasured import UNMEASURED
from tl_keras.jobs.train.train import train
from tl_keras.models.answers.answering_model import classifier_of
from tl_keras.models.averaged_classifier import averages, model_of_each, networks_of
from tl_keras.settings.options.config_files import from_json
from tl_keras.settings.train import TrainSettings
from tl_keras.training.temperature import fold_temperature
from tl_keras.training.time_limit import Deadline


@pytest.fixture(scope="module")
def metrics(averaged_run):
    return json.loads((averaged_run / "metrics.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def splits(colours):
    return load_dataset(str(colours), split_fractions=(0.5, 0.25, 0.25))


def test_figures_are_those_of_the_model_that_averages(averaged_run, metrics, splits):
    assert averages(load_model(averaged_run / "model.keras"))
    figures = evaluate(averaged_run)
    assert figures["accuracy"] == metrics["test"]["accuracy"]
    assert figures["loss"] == pytest.approx(metrics["test"]["loss"], abs=1e-6)
    images = np.stack([splits.test.load(row) for row in range(len(splits.test))])
    views = [images.astype(np.float32), images[:, :, ::-1].astype(np.float32)]
    probabilities = np.mean([load_run(averaged_run).model(view) for view in views], axis=0)
    right = probabilities[np.arange(len(splits.test)), splits.test.labels]
    assert -np.log(right).mean() == pytest.approx(metrics["test"]["loss"], abs=1e-5)


def test_members_stand_in_the_metrics_and_the_report(averaged_run, metrics):
    tuning = metrics["fine_tuning"]
    averaged = tuning["averaged"]
    assert sorted(network["point"] for network in averaged) == [0, 4, 8, 12]
    assert sum(network["proportion"] for network in averaged) == pytest.approx(1)
    assert tuning["refit"] is True and "temperature" not in metrics
    page = (averaged_run / "report.html").read_text(encoding="utf-8")
    start = next(network for network in averaged if not network["point"])
    assert f"{start['proportion']:.0%} the linear start, temperature" in page
    assert all(network["refit"] for network in averaged) and metrics["best_epoch"] is None
    mixed = tuning["points"][12]
    words = f"(learning rate {mixed['lr']:g}, {mixed['epochs']} epochs, mixed images"
    assert f"the end of a fine-tuning {words}, label smoothing 0.1), temperature" in page
    assert "without the validation images" not in page
    assert "average of 4 networks" in page and "the average of 4 networks" in page.lower()
    assert "Temperatures of its networks, fitted on held-out images, are part of the model." in page


def test_the_figures_before_calibration_are_those_without_temperatures(
    averaged_run, metrics, splits
):
    model, averaged = load_run(averaged_run).model, metrics["fine_tuning"]["averaged"]
    after = measure(model, splits.test, flips=True)[1]["loss"]
    assert metrics["calibration"]["after"]["loss"] == pytest.approx(after, abs=1e-6)
    for network, known in zip(networks_of(model), averaged, strict=True):
        fold_temperature(network, 1 / known["temperature"])
    before = measure(model, splits.test, flips=True)[1]["loss"]
    assert metrics["calibration"]["before"]["loss"] == pytest.approx(before, abs=1e-5)


def test_the_linear_start_is_that_which_is_measured_alone(averaged_run, metrics, splits):
    averaged = metrics["fine_tuning"]["averaged"]
    place = next(place for place, each in enumerate(averaged) if not each["point"])
    apart = model_of_each(load_run(averaged_run).model)
    alone = keras.Model(apart.inputs, apart.outputs[place])
    _, figures = measure(alone, splits.test, flips=True)
    assert metrics["linear_start"]["accuracy"] == figures["accuracy"]


def test_predictions_are_those_of_the_average(averaged_run, splits, colours, tmp_path):
    trained = load_run(averaged_run)
    views = views_of(trained.model, splits.test, flips=True)
    assert views.shape[0] == 2  # mirror images
    expected = views.mean(axis=0)
    rows = table_rows(predict(averaged_run, [str(colours)], out=tmp_path / "predictions.csv"))
    found = dict(zip([row["path"] for row in rows], rows, strict=True))
    named = [found[str(name)] for name in splits.test.ids]
    np.testing.assert_allclose(probabilities_of(named, trained.class_names), expected, atol=2e-6)


def test_what_goes_on_with_the_run_takes_the_single_network(averaged_run, tmp_path, capfd):
    pruned = prune(averaged_run, sparsity=0.5, prune_epochs=0, out=str(tmp_path / "pruned"))
    assert "the fine-tuned one that counts most is pruned" in capfd.readouterr().err
    assert not averages(load_model(pruned / "model.keras"))
    single = classifier_of(load_run(averaged_run).model)
    assert single.output_shape == (None, 3) and single.get_layer("head_dropout").rate == 0


def test_the_average_is_the_teacher_of_a_student(averaged_run, metrics, tmp_path):
    how = {"student": "mlp", "epochs": 1, "batch_size": 8, "image_size": 12}
    student = distill(averaged_run, **how, out=str(tmp_path / "student"))
    teacher = read_json(student / "metrics.json")["teacher"]["test"]
    assert teacher == pytest.approx(metrics["test"], abs=1e-6)


def test_an_unmeasured_run_is_completed_alike(averaged_run, metrics, tmp_path):
    run = shutil.copytree(averaged_run, tmp_path / "copy")
    known = {k: v for k, v in metrics.items() if k not in ("test", "calibration")}
    phases = [
        {"name": "fine_tune", "start": first, "end": first + 2, "trainable_weights": 1}
        for first in range(0, 12, 2)
    ]
    (run / "metrics.json").unlink()
    write_json(run / UNMEASURED, {"metrics": known, "phases": phases})
    evaluate(run)
    again = read_json(run / "metrics.json")
    assert again["test"] == pytest.approx(metrics["test"], abs=1e-6)
    for when in ("before", "after"):
        expected = metrics["calibration"][when]
        assert again["calibration"][when] == pytest.approx(expected, abs=1e-6)
    assert "train" not in again and "train" not in metrics  # no figure of one network


@pytest.mark.parametrize("option", ["max_error", "unlabelled"])
def test_with_a_promise_or_more_images_the_classifier_is_one_network(
    option, encoder, colours, tmp_path
):
    more = {option: {"max_error": 0.3, "unlabelled": str(colours)}[option]}
    run = train(small_config(encoder, colours, tmp_path / "run", **BEST, **more))
    assert not averages(load_model(run / "model.keras"))
    metrics, config = (read_json(run / f"{name}.json") for name in ("metrics", "config"))
    assert metrics["fine_tuning"]["averaged"] is None and metrics["temperature"] > 0
    assert config["fine_tune"]["average"] is False
    reason = "answers by the features of one" if option == "max_error" else "no single network"
    with pytest.raises(InputError, match=reason):
        small_config(encoder, colours, None, **BEST, **more, average=True)


def test_without_average_the_model_is_one_network(
    averaged_run, splits, encoder, colours, tmp_path, monkeypatch
):
    def usual(losses, place, *_):
        return place, np.zeros(len(losses))

    monkeypatch.setattr("tl_keras.training.fine_tuning.from_linear.choose", usual)
    run = train(small_config(encoder, colours, tmp_path / "run", **BEST, average=False))
    assert not averages(load_model(run / "model.keras"))
    metrics = read_json(run / "metrics.json")
    assert metrics["fine_tuning"]["averaged"] is None and metrics["temperature"] > 0
    points = metrics["fine_tuning"]["points"]
    assert len(points) == 13
    assert points[metrics["fine_tuning"]["chosen"]]["share"] == 0.75
    # The weights are not those of an epoch, so that of training is measured too.
    trained = measure(load_model(run / "model.keras"), splits.train)[1]
    assert metrics["train"]["accuracy"] == trained["accuracy"]
    # There the start is measured by itself, at a temperature of its own.
    start = read_json(averaged_run / "metrics.json")["linear_start"]
    for name in ("accuracy", "loss", "expected_calibration_error"):
        assert metrics["linear_start"][name] == pytest.approx(start[name], abs=1e-4)


@pytest.mark.parametrize("flips", [True, False])
def test_temperatures_are_for_the_views_that_predictions_see(flips, encoder, colours, tmp_path):
    augment = "none" if flips else "flip"  # the other way than training
    how = BEST | {"augment": augment, "preset": "balanced"}
    run = train(small_config(encoder, colours, tmp_path / "run", **how, test_time_flips=flips))
    averaged = read_json(run / "metrics.json")["fine_tuning"]["averaged"]
    trained = load_run(run)
    for network, known in zip(networks_of(trained.model), averaged, strict=True):
        fold_temperature(network, 1 / known["temperature"])
    before = read_json(run / "metrics.json")["calibration"]["before"]["loss"]
    splits = load_dataset(str(colours), split_fractions=(0.5, 0.25, 0.25))
    assert measure(trained.model, splits.test, flips=flips)[1]["loss"] == pytest.approx(
        before, abs=1e-6
    )


def test_the_settings_of_a_run_serve_one_that_takes_a_single_network(averaged_run, colours):
    content = read_json(averaged_run / "config.json")
    for name, value in (("unlabelled", str(colours)), ("max_error", 0.1)):
        anew = TrainSettings.decided_anew(dict(content), {name})
        settings = from_json(TrainSettings, anew | {name: value, "out": None})
        assert settings.fine_tune.average is None
    single = content | {"max_error": 0.1, "fine_tune": content["fine_tune"] | {"average": False}}
    anew = TrainSettings.decided_anew(single, {"preset"})
    assert "average" not in anew["fine_tune"]


def test_a_killed_run_goes_on_to_the_same_average(averaged_run, encoder, colours, tmp_path):
    config = small_config(encoder, colours, tmp_path / "run", checkpoint_minutes=0, **BEST)
    for events in (20, 40):  # in a search, and in the last fits
        with pytest.MonkeyPatch.context() as patch:
            kill_after(patch, events)
            with pytest.raises(Killed):
                train(config)
    run = train(config)
    assert_equal_weights(
        *(load_model(each / "model.keras").get_weights() for each in (run, averaged_run))
    )
    first, again = (read_json(each / "metrics.json") for each in (averaged_run, run))
    assert again["test"] == pytest.approx(first["test"], abs=1e-6)
    assert again["fine_tuning"]["averaged"] == first["fine_tuning"]["averaged"]


def test_minutes_that_end_leave_networks_from_before(
    averaged_run, encoder, colours, tmp_path, capfd, monkeypatch
):
    answers = iter([True] * 5)  # at all, three fine-tunings, a last fit
    monkeypatch.setattr(Deadline, "allows", lambda *_: next(answers, False))
    run = train(small_config(encoder, colours, tmp_path / "run", **BEST))
    assert "OUT OF TIME: the last fit of fine-tuning" in capfd.readouterr().err
    averaged = read_json(run / "metrics.json")["fine_tuning"]["averaged"]
    assert len(averaged) == 4 == len(networks_of(load_model(run / "model.keras")))
    assert sum(network["refit"] for network in averaged) == 2  # the start and the chosen one
    page = (run / "report.html").read_text(encoding="utf-8")
    assert page.count("(without the validation images)") == 2
