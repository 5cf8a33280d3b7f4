"""`train` with fixes and groups: the run keeps its fixes, so that it finds its images again."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from tests.jobs.small_runs import small_config, table_rows
from tl_keras.checks import InputError
from tl_keras.data.fixes.fixes_file import Fix, write_fixes
from tl_keras.data.inspection.fingerprints import content_hash
from tl_keras.data.split_records import read_records
from tl_keras.jobs.finished.evaluate import evaluate
from tl_keras.jobs.train.train import train


def fix(folder, name, action, new=""):
    pixels = np.asarray(Image.open(folder / name).convert("RGB"))
    return Fix(name, content_hash(pixels).hex(), action, name.split("/")[0], new, "a test")


@pytest.fixture(scope="module")
def corrected(colours, encoder, tmp_path_factory):
    """(data, run): one image left out, one relabelled, and four copies of one in the folder."""
    place = tmp_path_factory.mktemp("corrected")
    data = shutil.copytree(colours, place / "data")
    for number in range(4):
        shutil.copy(data / "green" / "2.png", data / "green" / f"copy {number}.png")
    fixes = [
        fix(data, "green/0.png", "drop"),
        fix(data, "green/1.png", "relabel", "röd"),
        fix(data, "röd/0.png", "group", "film"),
        fix(data, "röd/1.png", "group", "film"),
    ]
    write_fixes(place / "fixes.csv", fixes, str(data))
    settings = {"fixes": str(place / "fixes.csv"), "freeze_epochs": 1, "epochs": 0}
    return data, train(small_config(encoder, data, place / "run", **settings))


def test_fixes_and_copies_decide_the_splits(corrected):
    _, run = corrected
    records = {record.name: record for record in read_records(run / "splits.csv.gz")}
    assert "green/0.png" not in records and records["green/1.png"].label == "röd"
    assert records["röd/0.png"].split == records["röd/1.png"].split
    copies = ["green/2.png", *(f"green/copy {number}.png" for number in range(4))]
    assert len({records[name].split for name in copies}) == 1


def test_the_page_says_what_was_done(corrected):
    page = (corrected[1] / "report.html").read_text(encoding="utf-8")
    assert "1 images are left out, 1 have another class, 2 are kept together" in page
    assert "are the same or nearly the same as others" in page


def test_the_run_finds_its_images_again_without_the_file_of_fixes(corrected, capsys):
    data, run = corrected
    (data.parent / "fixes.csv").unlink()
    figures = evaluate(str(run))
    metrics = json.loads((run / "metrics.json").read_text())
    assert figures["accuracy"] == metrics["test"]["accuracy"]
    assert "in another class" not in capsys.readouterr().err
    with pytest.raises(InputError, match="fixes only with data"):
        evaluate(str(run), fixes=str(run / "fixes.csv"))
    whole = evaluate(str(run), data=str(data), fixes=str(run / "fixes.csv"))
    assert whole["num_examples"] == 39


def test_fixes_of_other_data_end_before_training(corrected, encoder, tmp_path, run_cli):
    other = tmp_path / "other"
    for name in ("a", "b"):
        (other / name).mkdir(parents=True)
        for number in range(4):
            shade = 20 * number + (100 if name == "a" else 0)
            Image.new("RGB", (16, 16), (shade, shade, 9)).save(other / name / f"{number}.png")
    status, _, error = run_cli(
        "train", "--backbone", encoder, "--data", other, "--out", tmp_path / "run",
        "--fixes", corrected[1] / "fixes.csv",
    )  # fmt: skip
    assert status == 2 and "none of whose images is there" in error and "Traceback" not in error
    assert not (tmp_path / "run").exists()


def test_histories_of_the_run_are_whole(corrected):
    assert len(table_rows(corrected[1] / "history.csv")) == 1
