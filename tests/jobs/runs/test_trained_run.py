"""Reading a finished run back."""

import json

import pytest

from tests.jobs.small_runs import CLASSES
from tl_keras.checks import InputError
from tl_keras.jobs.runs.trained_run import load_run


def test_finished_run_comes_back_with_classes_size_and_config(finished_run, colours):
    run = load_run(str(finished_run))
    assert run.class_names == CLASSES
    assert run.image_size == (16, 16)
    assert run.config["data"] == str(colours)
    assert run.model.output_shape == (None, 3)


@pytest.mark.parametrize("name", ["config.json", "classes.json", "model.keras"])
def test_missing_file_is_named(name, copied_run):
    (copied_run / name).unlink()
    with pytest.raises(InputError, match=f"finished run folder with {name}; received .*copied"):
        load_run(copied_run)


def test_place_that_is_no_run_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="Make one with `tl-keras train --out`"):
        load_run(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["config.json", "classes.json"])
@pytest.mark.parametrize("text", ['{"class_names": ["a"', "", "\udcff"])
def test_damaged_json_is_named(name, text, copied_run):
    (copied_run / name).write_text(text, errors="surrogateescape")
    with pytest.raises(InputError, match=f"a whole JSON file; received .*{name}"):
        load_run(copied_run)


@pytest.mark.parametrize("content", [{}, [], 3, {"class_name": []}])
def test_json_of_something_else_is_refused_with_what_it_lacks(content, copied_run):
    (copied_run / "classes.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match="classes.json as .* received one without class_names"):
        load_run(copied_run)


def test_config_of_something_else_is_refused_with_what_it_lacks(copied_run):
    (copied_run / "config.json").write_text('{"data": "digits", "split": [0.8, 0.1, 0.1]}')
    with pytest.raises(InputError, match="without on_bad_image, fine_tune"):
        load_run(copied_run)


def test_names_that_do_not_fit_the_model_are_refused(copied_run):
    (copied_run / "classes.json").write_text('{"class_names": ["a", "b"]}')
    with pytest.raises(InputError, match="Expected 3 names in .*classes.json.*received 2"):
        load_run(copied_run)


def test_model_cut_short_is_refused(copied_run):
    """Fault 36, seen from the reader."""
    whole = (copied_run / "model.keras").read_bytes()
    (copied_run / "model.keras").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="a whole .keras file .* Nothing was executed"):
        load_run(copied_run)
