"""The commands from words to exit status, with a tiny encoder."""

import pytest

from tests.jobs.small_runs import arguments, save_images
from tl_keras.files import read_json


@pytest.fixture
def with_a_cut_jpeg(tmp_path):
    """A folder with one JPEG that ends too early, and the path of that file."""
    from PIL import Image

    folder = save_images(tmp_path / "data", 4)
    bad = folder / "green" / "cut off.jpg"
    Image.open(folder / "green" / "0.png").resize((64, 64)).save(bad)
    bad.write_bytes(bad.read_bytes()[:300])
    return folder, bad


@pytest.mark.fault(1)
def test_cut_jpeg_is_named_with_the_way_on_and_nothing_is_left(
    run_cli, with_a_cut_jpeg, encoder, tmp_path
):
    folder, bad = with_a_cut_jpeg
    status, _, error = run_cli(*arguments(encoder, folder, tmp_path / "run"))
    line = error.strip().splitlines()[-1]
    assert status == 2
    assert line.startswith("Error: Expected every image to be readable; received 1 that cannot")
    assert str(bad) in line
    assert "--on-bad-image skip" in line
    assert "Traceback" not in error
    assert not (tmp_path / "run").exists()


def test_skip_trains_without_the_cut_jpeg_and_the_report_names_it(
    run_cli, with_a_cut_jpeg, encoder, tmp_path
):
    folder, bad = with_a_cut_jpeg
    words = arguments(encoder, folder, tmp_path / "run", "--on-bad-image", "skip")
    status, _, error = run_cli(*words)
    assert status == 0, error
    assert "Test accuracy" in error
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert f"Skipped {bad}" in page


def test_commands_work_one_after_the_other(run_cli, finished_run, colours, tmp_path):
    out = tmp_path / "out.csv"
    assert run_cli("predict", finished_run, colours, "--out", out)[0] == 0
    assert len(out.read_text().splitlines()) == 37
    status, output, _ = run_cli("evaluate", finished_run, "--split", "val")
    assert status == 0
    assert '"accuracy"' in output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("evaluate", "nowhere"), "Error: Expected a finished run folder with config.json"),
        (("export", "nowhere", "--format", "pmml"), "Error: Expected format to be one of"),
        (("predict", "nowhere", "nothing.png"), "Error: Expected a file, a folder"),
    ],
)
def test_what_the_jobs_refuse_is_one_line(words, message, run_cli):
    status, output, error = run_cli(*words)
    assert status == 2
    assert output == ""
    assert error.startswith(message)
    assert error.count("\n") == 1


def test_used_run_folder_is_refused_in_one_line(run_cli, finished_run, encoder, colours):
    before = (finished_run / "model.keras").read_bytes()
    status, _, error = run_cli(*arguments(encoder, colours, finished_run))
    assert status == 2
    assert error.startswith("Error: Expected a new or empty run folder")
    assert error.count("\n") == 1
    assert (finished_run / "model.keras").read_bytes() == before


def test_run_is_repeated_from_its_config_with_equal_figures(run_cli, finished_run, tmp_path):
    out = tmp_path / "again"
    assert run_cli("train", "--config", finished_run / "config.json", "--out", out)[0] == 0
    first, again = (read_json(run / "config.json") for run in (finished_run, out))
    assert again == first | {"out": str(out)}
    first, again = (read_json(run / "metrics.json") for run in (finished_run, out))
    assert again["test"] == first["test"]
