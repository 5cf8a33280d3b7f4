"""A training run from images to the run folder, and what is left when it is stopped."""

import csv
import json
import os
import shutil
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.jobs.small_runs import CLASSES, probabilities_of, save_images, small_config, table_rows
from tl_keras import cli
from tl_keras.checks import InputError
from tl_keras.data.images import read_image
from tl_keras.jobs.finished.evaluate import evaluate
from tl_keras.jobs.finished.predict import predict
from tl_keras.jobs.train import train as train_job
from tl_keras.jobs.train.train import train
from tl_keras.settings.fine_tune import PRETRAINED
from tl_keras.training.best_weights import DivergedError

WHOLE_RUN = {
    "model.keras",
    "classes.json",
    "config.json",
    "environment.json",
    "history.csv",
    "splits.csv.gz",
    "metrics.json",
    "figures",
    "report.html",
}
BEGUN = {"config.json", "environment.json", "splits.csv.gz", "classes.json", "checkpoints"}


def _json(run, name):
    return json.loads((run / name).read_text(encoding="utf-8"))


def _names(run):
    return {path.name for path in run.iterdir()}


def test_run_folder_holds_every_file_and_nothing_else(finished_run):
    assert _names(finished_run) == WHOLE_RUN
    assert {path.suffix for path in (finished_run / "figures").iterdir()} == {".png"}


def test_metrics_have_the_keys_that_other_programs_read(finished_run):
    metrics = _json(finished_run, "metrics.json")
    named = {
        "accuracy",
        "loss",
        "macro_f1",
        "expected_calibration_error",
        "calibration_error_by_chance",
    }
    assert set(metrics["train"]) == {"accuracy", "loss"}
    assert {"accuracy", "loss"} <= set(metrics["val"])
    assert named <= set(metrics["test"])
    assert set(metrics["seconds"]) == {"cache", "head", "fine_tune", "total"}
    assert metrics["weights"]["kind"] == "encoder"
    assert "tiny.keras" in metrics["weights"]["note"]
    assert metrics["pictures"] == {"train": 18, "val": 9, "test": 9}


def test_page_has_heatmaps_of_right_answers(finished_run):
    page = (finished_run / "report.html").read_text(encoding="utf-8")
    assert 'id="correct"' in page
    tiles = page.split('id="correct"')[1].split("</section>")[0]
    assert 2 <= tiles.count("<li>") <= len(CLASSES)
    assert tiles.count("<img") == 2 * tiles.count("<li>")


def test_total_seconds_are_more_than_those_of_the_steps(finished_run):
    seconds = _json(finished_run, "metrics.json")["seconds"]
    assert min(seconds.values()) > 0
    steps = seconds["cache"] + seconds["head"] + seconds["fine_tune"]
    assert seconds["total"] > steps


def test_colours_are_told_apart_clearly_better_than_by_chance(finished_run):
    metrics = _json(finished_run, "metrics.json")
    assert metrics["test"]["accuracy"] >= 0.75


def test_classes_file_names_the_outputs_in_order_and_the_size(finished_run):
    assert _json(finished_run, "classes.json") == {
        "class_names": list(CLASSES),
        "image_size": [16, 16],
        "test_time_flips": False,
    }


@pytest.mark.parametrize(
    ("augment", "asked", "flips"),
    [
        pytest.param("photos", None, True, marks=pytest.mark.slow),  # see test_linear_start_run
        pytest.param("photos", False, False, marks=pytest.mark.slow),
        pytest.param("none", True, True, marks=pytest.mark.slow),
    ],
)
def test_figures_are_of_flips_where_training_mirrors_or_they_are_asked_for(
    augment, asked, flips, encoder, colours, tmp_path
):
    run = train(
        small_config(
            encoder, colours, tmp_path / "run", augment=augment, test_time_flips=asked,
            freeze_epochs=1, epochs=0,
        )
    )  # fmt: skip
    assert _json(run, "classes.json")["test_time_flips"] is flips
    wanted = _json(run, "metrics.json")["test"]
    assert evaluate(run)["loss"] == pytest.approx(wanted["loss"], abs=1e-6)
    assert ("mean of image and mirror image" in (run / "report.html").read_text()) is flips


def test_config_file_holds_what_was_asked_for(finished_run, encoder, colours):
    config = _json(finished_run, "config.json")
    asked = json.loads(json.dumps(small_config(encoder, colours, finished_run).to_json()))
    left = {name: value for name, value in asked["fine_tune"].items() if value is None}
    asked["fine_tune"] |= {name: PRETRAINED.get(name) for name in left} | {"mixup": 0.0}
    assert config == asked


def test_environment_names_the_versions(finished_run):
    environment = _json(finished_run, "environment.json")
    assert environment["packages"]["keras"] == keras.__version__
    assert environment["packages"]["tensorflow"] == tf.__version__


def test_model_opens_with_keras_alone_and_predicts_what_predict_says(
    finished_run, colours, tmp_path
):
    rows = table_rows(predict(finished_run, [str(colours)], out=tmp_path / "predictions.csv"))
    model = keras.saving.load_model(finished_run / "model.keras")
    images = np.stack([read_image(row["path"]) for row in rows])
    expected = model.predict(images, verbose=0)
    assert len(rows) == 36
    np.testing.assert_allclose(probabilities_of(rows, CLASSES), expected, atol=2e-6)


def test_history_has_one_row_an_epoch_with_its_phase(finished_run):
    with open(finished_run / "history.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3, 4, 5, 6]
    assert [row["phase"] for row in rows] == ["head"] * 3 + ["fine_tune"] * 3
    assert all(np.isfinite(float(row["val_loss"])) for row in rows)


def test_best_epoch_is_that_of_the_best_validation_accuracy_then_loss(finished_run):
    with open(finished_run / "history.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    scores = [(float(row["val_accuracy"]), -float(row["val_loss"])) for row in rows]
    best = scores.index(max(scores)) + 1
    assert _json(finished_run, "metrics.json")["best_epoch"] == best


def test_report_names_classes_weights_and_commands(finished_run):
    page = (finished_run / "report.html").read_text(encoding="utf-8")
    for name in CLASSES:
        assert name in page
    assert "with its own weights" in page
    assert "tl-keras predict . my-image.jpg" in page


@pytest.mark.slow
def test_same_seed_gives_the_same_model(encoder, colours, tmp_path, finished_run):
    again = train(small_config(encoder, colours, tmp_path / "again"))
    first, second = (
        keras.saving.load_model(run / "model.keras").get_weights() for run in (finished_run, again)
    )
    for one, other in zip(first, second, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_without_epochs_the_train_figures_are_those_of_the_start(encoder, colours, tmp_path):
    run = train(small_config(encoder, colours, tmp_path / "run", freeze_epochs=0, epochs=0))
    metrics = _json(run, "metrics.json")
    assert metrics["best_epoch"] is None
    assert set(metrics["train"]) == {"accuracy", "loss"}
    assert (run / "history.csv").read_text().splitlines() == ["epoch,phase"]
    assert "report.html" in _names(run)


def test_test_images_that_were_trained_on_are_told(encoder, tmp_path, capfd):
    data = tmp_path / "data"
    for seed, split in enumerate(("train", "val", "test")):
        save_images(data / split, 4, seed=seed)
    shutil.copy(data / "train" / "green" / "0.png", data / "test" / "green" / "copy.png")
    shutil.copy(data / "test" / "green" / "1.png", data / "test" / "green" / "twice.png")
    run = train(small_config(encoder, data, tmp_path / "run", freeze_epochs=1, epochs=0))
    assert "NOT ALL NEW: 1 of the test images" in capfd.readouterr().err
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "14 test images</b> (1 of them the same as images of train or val, or nearly)" in page


def test_fine_tuning_to_the_end_is_not_taken_for_an_interrupted_run(finished_run):
    assert not (finished_run / "interrupted.keras").exists()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.fault(36, 38)
def test_signal_keeps_the_weights_and_gives_its_exit_status(
    number, status, encoder, colours, tmp_path, monkeypatch, capfd
):
    """The signal comes at the end of an epoch of the training itself."""
    # Fired within `fit`, as a key press would be.
    killer = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: os.kill(os.getpid(), number)
    )
    tune = train_job.fine_tune
    monkeypatch.setattr(
        train_job, "fine_tune", lambda *a, **k: tune(*a, **k | {"make_callbacks": lambda: [killer]})
    )
    config = small_config(encoder, colours, tmp_path / "run", epochs=0)
    monkeypatch.setattr(cli, "app", lambda _: train(config))
    handlers = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        with pytest.raises(SystemExit) as stopped:
            cli.main()
    finally:
        for n, handler in handlers.items():
            signal.signal(n, handler)
    assert stopped.value.code == status
    assert _names(tmp_path / "run") == {*BEGUN, "interrupted.keras"}
    model = keras.saving.load_model(tmp_path / "run" / "interrupted.keras")
    assert np.isfinite(np.concatenate([w.ravel() for w in model.get_weights()])).all()
    assert "the weights so far are in" in capfd.readouterr().err


def test_interrupted_weights_are_those_that_were_trained(encoder, colours, tmp_path, monkeypatch):
    seen = []

    def stopped(model, *_, **__):
        model.set_weights([weight + 1 for weight in model.get_weights()])
        seen.extend(model.get_weights())
        raise KeyboardInterrupt

    monkeypatch.setattr(train_job, "fine_tune", stopped)
    with pytest.raises(KeyboardInterrupt):
        train(small_config(encoder, colours, tmp_path / "run"))
    kept = keras.saving.load_model(tmp_path / "run" / "interrupted.keras").get_weights()
    for one, other in zip(seen, kept, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.fault(40)
def test_loss_that_is_no_number_stops_and_keeps_finite_weights(
    encoder, colours, tmp_path, monkeypatch
):
    def explode(epoch, logs):
        explosive.model.optimizer.learning_rate = 1e30

    explosive = keras.callbacks.LambdaCallback(on_epoch_end=explode)
    tune, how = train_job.fine_tune, {"make_callbacks": lambda: [explosive]}
    monkeypatch.setattr(train_job, "fine_tune", lambda *a, **k: tune(*a, **k | how))
    config = small_config(encoder, colours, tmp_path / "run", optimizer="sgd", schedule="constant")
    with pytest.raises(DivergedError, match="Expected a finite loss; received .* Lower the lea"):
        train(config)
    assert "interrupted.keras" in _names(tmp_path / "run")
    assert "model.keras" not in _names(tmp_path / "run")
    weights = keras.saving.load_model(tmp_path / "run" / "interrupted.keras").get_weights()
    assert np.isfinite(np.concatenate([w.ravel() for w in weights])).all()


def test_a_loss_that_is_no_number_in_the_first_epoch_leaves_no_random_head(
    encoder, colours, tmp_path
):
    config = small_config(
        encoder, colours, tmp_path / "run", lr=1e30, optimizer="sgd", schedule="constant"
    )
    with pytest.raises(DivergedError, match="Lower the learning rate"):
        train(config)
    assert not list(tmp_path.glob("run/*.keras"))


@pytest.mark.parametrize(
    "error", [MemoryError(), tf.errors.ResourceExhaustedError(None, None, "OOM when allocating")]
)
@pytest.mark.fault(41)
def test_out_of_memory_names_the_batch_size_and_half_of_it(
    error, encoder, colours, tmp_path, monkeypatch
):
    def full(*_, **__):
        raise error

    monkeypatch.setattr(train_job, "fine_tune", full)
    with pytest.raises(InputError, match="batches of 8 images; .* Give --batch-size 4, or"):
        train(small_config(encoder, colours, tmp_path / "run"))


@pytest.mark.fault(13)
def test_image_that_vanishes_after_the_check_is_named(encoder, colours, tmp_path, monkeypatch):
    data = save_images(tmp_path / "data", 4)
    start = train_job.starting_point

    def remove_one(config, splits, *rest):
        os.remove(splits.train.images[2])
        return start(config, splits, *rest)

    monkeypatch.setattr(train_job, "starting_point", remove_one)
    with pytest.raises(InputError, match=r"data/.*\.png"):
        train(small_config(encoder, data, tmp_path / "run"))
    assert not (tmp_path / "run").exists()  # nothing was trained


@pytest.mark.fault(37)
def test_disk_that_fills_up_while_saving_leaves_no_half_of_a_model(
    encoder, colours, tmp_path, monkeypatch
):
    def full(model, path, *_, **__):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(keras.Model, "save", full)
    config = small_config(encoder, colours, tmp_path / "run", freeze_epochs=0, epochs=0)
    with pytest.raises(InputError, match="write .*model.keras; received No space left on device"):
        train(config)
    assert _names(tmp_path / "run") == BEGUN


def test_early_refusal_leaves_no_folder(encoder, tmp_path):
    with pytest.raises(InputError, match="received .*nowhere, which is none of these"):
        train(small_config(encoder, tmp_path / "nowhere", tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_used_folder_is_refused_before_the_data_are_read(encoder, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "model.keras").write_bytes(b"mine")
    with pytest.raises(InputError, match="new or empty run folder.*Nothing in it was changed"):
        train(small_config(encoder, tmp_path / "nowhere", tmp_path / "run"))
    assert (tmp_path / "run" / "model.keras").read_bytes() == b"mine"
