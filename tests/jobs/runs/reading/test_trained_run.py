"""Reading a finished run back."""

import json

import pytest

from tests.jobs.small_runs import CLASSES
from tl_keras.checks import InputError
from tl_keras.jobs.runs.reading.pretrained_run import load_pretrained_run
from tl_keras.jobs.runs.reading.trained_run import load_run


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
@pytest.mark.parametrize("text", ['{"class_names": ["a"', "", "\udcff", "[" * 100_000])
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


@pytest.mark.fault(36)
def test_model_cut_short_is_refused(copied_run):
    """Seen from the reader."""
    whole = (copied_run / "model.keras").read_bytes()
    (copied_run / "model.keras").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="a whole .keras file .* Nothing was executed"):
        load_run(copied_run)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("classes.json", {"class_names": 5}, "a list of different texts; received 5"),
        ("classes.json", {"class_names": "abc"}, "a list of different texts; received 'abc'"),
        ("classes.json", {"class_names": [1, 2, 3]}, "different texts; received .1, 2, 3."),
        ("classes.json", {"class_names": ["a", "a", "b"]}, "a list of different texts"),
        ("classes.json", {"test_time_flips": "no"}, "to be true or false; received 'no'"),
        ("config.json", {"data": 5}, "data to be a text; received data=5. It is the value of data"),
        ("config.json", {"data": None}, "Expected data in .*config.json; received none"),
        ("config.json", {"split": "half"}, "It is the value of split in .*config.json"),
        ("config.json", {"split": {"train": 1}}, "It is the value of split in .*config.json"),
        ("config.json", {"on_bad_image": 3}, "on_bad_image to be one of .*config.json"),
        ("config.json", {"labels_per_class": "x"}, "labels_per_class to be an integer .*config"),
        ("config.json", {"fine_tune": []}, "Expected a table for fine_tune in .*config.json"),
        ("config.json", {"fine_tune": {}}, "Expected fine_tune.seed in .*config.json"),
        ("config.json", {"fine_tune": {"seed": "x"}}, "seed to be an integer .*config.json"),
    ],
)
def test_file_changed_by_hand_is_named_with_its_value(name, change, message, copied_run):
    content = json.loads((copied_run / name).read_text())
    (copied_run / name).write_text(json.dumps(content | change))
    with pytest.raises(InputError, match=message) as refused:
        load_run(copied_run)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "Expected a JSON object in .*config.json; received list"),
        ({"method": "vea"}, "method to be one of .*config.json"),
        ({"method": 5}, "method to be one of .*config.json"),
    ],
)
def test_config_of_a_pretraining_changed_by_hand_is_refused(content, message, tmp_path):
    for name in ("config.json", "metrics.json", "model.keras"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "config.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=message):
        load_pretrained_run(tmp_path)
