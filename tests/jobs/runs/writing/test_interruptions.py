"""A training that stops early: trained weights are kept, and no others."""

import keras
import pytest

from tl_keras.checks import DivergedError, InputError
from tl_keras.jobs.runs.writing.interruptions import keeping_interrupted
from tl_keras.jobs.runs.writing.recorded_run import recorded_run
from tl_keras.settings.label_free import PretrainSettings


def stopped(path, error, *, trains=False, files=(), batch_size=None):
    """Runs a training that stops by `error`; returns the names in its folder, None if it is gone.

    Args:
        trains: whether the weights change before.
        files: that are written before, within the folder.
    """
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    with (
        pytest.raises(type(error) if batch_size is None else InputError),
        recorded_run(path, "pretrain", PretrainSettings("autoencoder", "digits")) as folder,
    ):
        folder.write_json("config.json", {})
        folder.write_environment()
        with keeping_interrupted(folder, model, batch_size):
            for name in files:
                (path / name).parent.mkdir(parents=True, exist_ok=True)
                (path / name).write_text("kept", encoding="utf-8")
            if trains:
                model.set_weights([weight + 1 for weight in model.get_weights()])
            raise error
    return {each.name for each in path.iterdir()} if path.exists() else None


BEGUN = {"config.json", "environment.json", "checkpoints"}


def test_an_error_before_anything_is_trained_leaves_no_folder_and_says_no_more(tmp_path, capfd):
    assert stopped(tmp_path / "run", InputError("alike")) is None
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(143)])
def test_a_signal_before_anything_is_trained_leaves_no_folder_and_says_so(error, tmp_path, capfd):
    assert stopped(tmp_path / "run", error) is None
    said = capfd.readouterr().err
    assert said == "Stopped before anything was trained; nothing is kept.\n"


def test_memory_that_runs_out_before_a_checkpoint_leaves_no_folder(tmp_path):
    assert stopped(tmp_path / "run", MemoryError(), batch_size=8) is None


@pytest.mark.parametrize("error", [KeyboardInterrupt(), InputError("x"), DivergedError("x")])
def test_weights_that_changed_are_kept(error, tmp_path, capfd):
    found = stopped(tmp_path / "run", error, trains=True)
    assert found == {*BEGUN, "interrupted.keras"}
    said = capfd.readouterr().err
    assert "the weights so far are in" in said and "goes on" in said


@pytest.mark.parametrize("of", ["fits", "features"])
def test_what_a_resumed_run_needs_stays_without_untrained_weights(of, tmp_path, capfd):
    files = [f"checkpoints/{of}/x.json"]
    assert stopped(tmp_path / "run", KeyboardInterrupt(), files=files) == BEGUN
    said = capfd.readouterr().err
    assert "Stopped before anything new was trained.\nThe same command line with" in said
    assert "weights so far" not in said


def test_a_run_that_goes_on_keeps_the_weights_of_before(tmp_path):
    path = tmp_path / "run"
    stopped(path, KeyboardInterrupt(), trains=True)
    before = (path / "interrupted.keras").read_bytes()
    assert stopped(path, KeyboardInterrupt()) == {*BEGUN, "interrupted.keras"}
    assert (path / "interrupted.keras").read_bytes() == before


def test_files_of_others_stay(tmp_path):
    found = stopped(tmp_path / "run", InputError("alike"), files=["model.keras"])
    assert found == {*BEGUN, "model.keras"}
