"""Outputs that a user names: their ending, their place, and what stands there already."""

import json
import shutil

import numpy as np
import pytest

from tl_keras.checks import InputError
from tl_keras.jobs.finished import predict as predict_module
from tl_keras.jobs.finished.evaluate import evaluate
from tl_keras.jobs.finished.predict import TABLE, predict
from tl_keras.jobs.generate import write_grid
from tl_keras.jobs.output_files import check_output, figures_of, image_of, table_of


def test_model_is_not_replaced_by_figures(copied_run):
    before = (copied_run / "model.keras").read_bytes()
    with pytest.raises(InputError, match=r"out to end in .json; received .*Name it model.json"):
        evaluate(copied_run, out=copied_run / "model.keras")
    for name in ("metrics.json", "config.json"):
        with pytest.raises(
            InputError, match="or one that `tl-keras evaluate` wrote; .*not changed"
        ):
            evaluate(copied_run, out=copied_run / name)
    assert (copied_run / "model.keras").read_bytes() == before


def test_image_of_a_user_is_not_replaced_by_a_table(finished_run, colours, tmp_path):
    image = shutil.copy(colours / "green" / "0.png", tmp_path / "5.jpg")
    with pytest.raises(InputError, match="out to end in .csv; received .*5.jpg"):
        predict(finished_run, [str(image)], out=image)
    (tmp_path / "mine.csv").write_text("name,age\nme,40\n")
    with pytest.raises(InputError, match="mine.csv, which is another. It was not changed"):
        predict(finished_run, [str(image)], out=tmp_path / "mine.csv")
    assert (tmp_path / "mine.csv").read_text() == "name,age\nme,40\n"


@pytest.mark.fault(37)
def test_place_is_checked_before_the_work(finished_run, colours, tmp_path, monkeypatch):
    monkeypatch.setattr(predict_module, "load_run", lambda _: pytest.fail("it began"))
    (tmp_path / "file").touch()
    (tmp_path / "folder.csv").mkdir()
    for out, reason in (
        ("/proc/out.csv", ""),
        (tmp_path / "file" / "out.csv", "Not a directory"),
        (tmp_path / "folder.csv", "it is a folder"),
        (tmp_path / ("x" * 300 + ".csv"), "File name too long"),
    ):
        with pytest.raises(InputError, match=f"able to write .*; received .*{reason}"):
            predict(finished_run, [str(colours)], out=out)


@pytest.mark.parametrize(
    ("kind", "own", "other"),
    [
        (TABLE, "path,label,probability,error,p(a)\n", "path,label\n"),
        (table_of("x", "a", "b"), "a,b\n1,2\n", "b,a\n"),
        (figures_of("x", "a"), json.dumps({"a": 1, "b": 2}), json.dumps(["a"])),
        (figures_of("x", "a"), json.dumps({"a": 1}), "no json"),
        (table_of("x", "a"), "a\n", b"\xff\x00\xfe"),
        (figures_of("x", "a"), json.dumps({"a": 1}), "[" * 100_000),
    ],
)
def test_file_of_the_same_command_and_an_empty_one_are_replaced(kind, own, other, tmp_path):
    path = tmp_path / f"out{kind.ending}"
    check_output(path, kind)
    assert not path.exists(), "it is looked at only"
    for content in ("", own):
        path.write_text(content)
        check_output(path, kind)
    path.write_bytes(other if isinstance(other, bytes) else other.encode())
    with pytest.raises(InputError, match="which is another. It was not changed"):
        check_output(path, kind)


def test_grids_are_known_by_their_signature(colours, tmp_path):
    write_grid(tmp_path / "grid.png", np.zeros((4, 8, 8, 1), np.uint8))
    check_output(tmp_path / "grid.png", image_of("generate"))
    (tmp_path / "config.json").write_text("{}")
    for folder in (tmp_path, tmp_path / "figures"):
        write_grid(folder / "grid.png", np.zeros((4, 8, 8, 1), np.uint8))
        with pytest.raises(InputError, match="which is another"):  # a figure of a run
            check_output(folder / "grid.png", image_of("generate"))
    (tmp_path / "config.json").unlink()
    photo = shutil.copy(colours / "green" / "0.png", tmp_path / "photo.png")
    for path in (photo, tmp_path / "text.png"):
        path.write_bytes(path.read_bytes() if path.exists() else b"text")
        with pytest.raises(InputError, match="which is another"):
            check_output(path, image_of("generate"))
