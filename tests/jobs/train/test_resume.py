"""Runs that were killed or stopped: gone on with exactly, or refused with the difference."""

import dataclasses
import json
import os
import shutil
import signal

import keras
import pytest

from tests.jobs.kills import kill_after
from tests.jobs.small_runs import save_images, small_config, table_rows
from tests.training.checkpoints.kills import Killed, assert_equal_weights
from tl_keras import cli, files
from tl_keras.checks import InputError
from tl_keras.jobs.finished.predict import predict
from tl_keras.jobs.runs.writing import recorded_run
from tl_keras.jobs.train.train import train
from tl_keras.settings.options.config_files import ASKED, CHECKPOINTS

SETTINGS = {"freeze_epochs": 2, "epochs": 2, "augment": "flip", "dropout": 0.3}


def names(run):
    return {path.name for path in run.iterdir()}


def weights_of(run):
    return keras.saving.load_model(run / "model.keras").get_weights()


@pytest.fixture(scope="module")
def config(encoder, colours):
    """A function from a run folder to the settings of the run."""

    def of(path, **changes):
        return small_config(encoder, colours, path, checkpoint_minutes=0, **SETTINGS | changes)

    return of


@pytest.fixture(scope="module")
def whole(config, tmp_path_factory):
    """A run that nobody stopped."""
    return train(config(tmp_path_factory.mktemp("whole") / "run"))


def killed(config, path, events=14):
    """A run that was killed after so many events of its fits."""
    with pytest.MonkeyPatch.context() as patch:
        kill_after(patch, events)
        with pytest.raises(Killed):
            train(config(path))
    return path


@pytest.fixture(scope="module")
def stopped_folder(config, tmp_path_factory):
    return killed(config, tmp_path_factory.mktemp("killed") / "run")


@pytest.fixture
def unfinished(stopped_folder, tmp_path):
    """A copy of a killed run that a test may change."""
    return shutil.copytree(stopped_folder, tmp_path / "run")


@pytest.mark.fault(35)
def test_killed_run_goes_on_by_the_same_settings_and_ends_alike(config, whole, tmp_path, capfd):
    """Fault 35."""
    run = killed(config, tmp_path / "run", 4)
    assert (run / CHECKPOINTS / ASKED).is_file()
    (run / ".part-model.keras").write_bytes(b"half")  # of a write that the kill cut short
    killed(config, run, 15)
    train(config(run))
    assert_equal_weights(weights_of(run), weights_of(whole))
    assert names(run) == names(whole)
    assert (run / "history.csv").read_text() == (whole / "history.csv").read_text()
    first, again = (json.loads((path / "metrics.json").read_text()) for path in (whole, run))
    assert again["test"] == pytest.approx(first["test"], abs=1e-6)
    said = capfd.readouterr().err
    assert f"Going on with the unfinished run {run}." in said
    assert "Going on with fine_tune in epoch" in said


def test_resume_takes_the_settings_of_the_run(run_cli, config, unfinished, whole):
    status, _, error = run_cli("train", "--resume", unfinished, "--checkpoint-minutes", 5)
    assert status == 0, error
    assert_equal_weights(weights_of(unfinished), weights_of(whole))
    assert names(unfinished) == names(whole)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--lr", "0.5"), r"others: lr 0.5 \(there: 0.02\). Nothing in it was changed. Leave"),
        (("--batch-size", "4"), r"batch_size 4 \(there: 8\)"),
        (("--seed", "3"), r"seed 3 \(there: 0\)"),
        (("--backbone", "vgg16"), r"backbone 'vgg16' \(there: '.*tiny.keras'\)"),
        (("--config", "x.toml"), "without --config"),
    ],
)
def test_resume_with_another_option_is_refused_with_the_difference(
    words, message, run_cli, unfinished
):
    """Fault 39."""
    before = sorted(unfinished.rglob("*"))
    status, _, error = run_cli("train", "--resume", unfinished, *words)
    assert status == 2
    assert error.count("\n") == 1
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(error)
    assert sorted(unfinished.rglob("*")) == before


def test_folder_of_an_unfinished_run_refuses_other_settings(config, unfinished):
    """Fault 39."""
    with pytest.raises(
        InputError, match=r"others: fine_tune.seed 4 \(there: 0\), fine_tune.lr 0.1 \(th"
    ):
        train(config(unfinished, lr=0.1, seed=4))


def test_other_code_is_refused(config, unfinished, monkeypatch):
    """Fault 39."""
    monkeypatch.setattr(recorded_run.tl_keras, "__version__", "9.9")
    with pytest.raises(InputError, match=r"others: tl_keras '9.9' \(there: '"):
        train(config(unfinished))


@pytest.mark.parametrize("classes", [False, True])
def test_other_images_are_refused_by_name(classes, encoder, tmp_path):
    """Fault 39."""
    data = save_images(tmp_path / "data", 4)

    def config(path):
        return small_config(encoder, data, path, checkpoint_minutes=0)

    run = killed(config, tmp_path / "run", 3)
    if classes:
        save_images(data, 4, seed=5, classes=("yellow",))
    else:
        save_images(data, 1, seed=5)
    with pytest.raises(InputError, match=r"images with which the unfinished run .* new \(.*png"):
        train(config(run))


def test_command_of_a_finished_or_another_run_is_refused(run_cli, whole, unfinished):
    status, _, error = run_cli("train", "--resume", whole)
    assert (status, "which is finished or was never begun" in error) == (2, True)
    status, _, error = run_cli("pretrain", "--resume", unfinished)
    assert (status, f"Give `tl-keras train --resume {unfinished}`" in error) == (2, True)


def test_killed_run_is_refused_by_predict_with_the_way_on(unfinished, colours):
    with pytest.raises(InputError, match="was killed before its end. Finish it with `tl-keras tra"):
        predict(unfinished, [str(colours)])


@pytest.mark.parametrize("full", [False, True])
def test_signal_ends_at_the_next_batch_with_143_even_on_a_full_disk(
    full, config, whole, colours, tmp_path, monkeypatch, capfd, signal_handlers
):
    """Faults 37 and 38."""
    run, seen = tmp_path / "run", []

    def batch(self, *_, **__):
        seen.append(1)
        if len(seen) == 5:
            os.kill(os.getpid(), signal.SIGTERM)
            if full:
                monkeypatch.setattr(files.os, "fsync", no_room)

    def no_room(_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(keras.callbacks.Callback, "on_train_batch_begin", batch)
        patch.setattr(cli, "app", lambda _: train(config(run)))
        with pytest.raises(SystemExit) as stopped:
            cli.main()
    assert stopped.value.code == 143
    monkeypatch.undo()
    said = capfd.readouterr().err
    assert ("since the last checkpoint are lost: Expected to be able" in said) is full
    assert f"The same command line with --out {run} goes on." in said
    if not full:
        table = predict(run, [str(colours)], out=tmp_path / "predictions.csv")
        assert len(table_rows(table)) == 36
        assert f"finish it with `tl-keras train --resume {run}`" in capfd.readouterr().err
    train(dataclasses.replace(config(run), checkpoint_minutes=5))
    assert_equal_weights(weights_of(run), weights_of(whole))
    assert names(run) == names(whole)
