"""A run that is made from another one begins with the images and the warnings of that one."""

import json
import shutil

import pytest

from tests.jobs.small_runs import save_images
from tl_keras.files import read_json
from tl_keras.jobs.runs.derived_run import load_origin


@pytest.fixture
def refitted_run(copied_run):
    """A run that was trained on its validation images too, as its files say."""
    config = read_json(copied_run / "config.json")
    config["fine_tune"]["refit"] = True
    (copied_run / "config.json").write_text(json.dumps(config))
    return copied_run


def said(capfd):
    return "was trained on its validation images too" in capfd.readouterr().err


def test_a_run_from_a_refitted_one_is_told_what_its_validation_images_are(
    refitted_run, colours, tmp_path, capfd
):
    load_origin(refitted_run)
    assert said(capfd)
    load_origin(refitted_run, str(shutil.copytree(colours, tmp_path / "moved")))
    assert said(capfd)
    load_origin(refitted_run, str(save_images(tmp_path / "others", 10, seed=77)))
    assert not said(capfd)


def test_a_run_from_one_that_was_not_refitted_has_no_such_warning(finished_run, capfd):
    load_origin(finished_run)
    assert not said(capfd)
