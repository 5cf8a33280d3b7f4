"""The folder of one run: nobody else writes there, nothing that stood there is lost."""

import json
import os
import subprocess
import sys

import pytest

from tl_keras.checks import InputError
from tl_keras.jobs.runs.writing.run_folder import RunFolder, default_run_path


def _locked_elsewhere(path):
    """Another process that holds the lock until its standard input is closed."""
    code = (
        "import fcntl, sys; lock = open(sys.argv[1], 'w');"
        "fcntl.flock(lock, fcntl.LOCK_EX); print('locked', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-S", "-c", code, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout.readline() == b"locked\n"
    return holder


def test_second_run_into_an_open_folder_is_refused(tmp_path):
    with RunFolder(tmp_path / "run") as first:
        first.write_json("config.json", {"a": 1})
        with (
            pytest.raises(InputError, match="run folder of its own; received .*another run"),
            RunFolder(tmp_path / "run"),
        ):
            pass
        assert (tmp_path / "run" / ".lock").exists(), "the first run lost its lock"
    assert json.loads((tmp_path / "run" / "config.json").read_text()) == {"a": 1}


@pytest.mark.fault(43)
def test_folder_locked_by_another_process_is_refused_until_that_ends(tmp_path):
    (tmp_path / "run").mkdir()
    holder = _locked_elsewhere(tmp_path / "run" / ".lock")
    try:
        with (
            pytest.raises(InputError, match="another run is writing to. Choose another --out"),
            RunFolder(tmp_path / "run"),
        ):
            pass
    finally:
        holder.communicate()
    with RunFolder(tmp_path / "run") as run:
        run.write_json("config.json", {})


def test_lock_of_a_killed_run_does_not_stand_in_the_way(tmp_path):
    (tmp_path / "run").mkdir()
    holder = _locked_elsewhere(tmp_path / "run" / ".lock")
    holder.kill()
    holder.communicate()
    assert (tmp_path / "run" / ".lock").exists()
    with RunFolder(tmp_path / "run") as run:
        run.write_json("config.json", {})


def test_folder_with_files_is_refused_and_unchanged(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with (
        pytest.raises(InputError, match="new or empty run folder; .*Nothing in it was changed"),
        RunFolder(tmp_path),
    ):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    assert (tmp_path / "notes.txt").read_text() == "mine"


def _begun(path, config):
    with RunFolder(path, continues=config) as run:
        run.write_json("config.json", config)
    return path


def test_folder_of_the_same_settings_can_be_gone_on_with(tmp_path):
    path = _begun(tmp_path / "run", {"seeds": 3})
    (path / ".part-abcresults.csv").write_text("half of it")
    with RunFolder(path, continues={"seeds": 3}) as run:
        run.write_json("metrics.json", {})
    assert {entry.name for entry in path.iterdir()} == {"config.json", "metrics.json"}


def test_other_settings_are_refused_with_every_difference(tmp_path):
    path = _begun(tmp_path / "run", {"seeds": 3, "data": "digits", "views": 4})
    with (
        pytest.raises(InputError, match=r"others: seeds 5 \(there: 3\), data 'mnist' \(there: 'd"),
        RunFolder(path, continues={"seeds": 5, "data": "mnist", "views": 4}),
    ):
        pass
    assert json.loads((path / "config.json").read_text())["seeds"] == 3
    assert not (path / ".lock").exists()


def test_files_of_no_run_are_not_gone_on_with(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with (
        pytest.raises(InputError, match="new or empty run folder"),
        RunFolder(tmp_path, continues={"seeds": 3}),
    ):
        pass


def test_finished_run_is_still_refused_where_nothing_is_to_be_gone_on_with(tmp_path):
    path = _begun(tmp_path / "run", {"seeds": 3})
    with pytest.raises(InputError, match="new or empty run folder"), RunFolder(path):
        pass


def test_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "run").write_text("mine")
    with (
        pytest.raises(InputError, match="folder that can be written; received .*File exists"),
        RunFolder(tmp_path / "run"),
    ):
        pass
    assert (tmp_path / "run").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_read_only_place_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="Permission denied"), RunFolder(tmp_path / "run"):
        pass


def test_folder_that_cannot_be_made_is_refused_with_the_reason():
    with (
        pytest.raises(InputError, match="folder that can be written; received /proc/run"),
        RunFolder("/proc/run"),
    ):
        pass


def test_nothing_written_leaves_no_folder(tmp_path):
    with pytest.raises(ZeroDivisionError), RunFolder(tmp_path / "run"):
        raise ZeroDivisionError
    assert not (tmp_path / "run").exists()


def test_what_was_written_before_an_error_stays(tmp_path):
    with pytest.raises(ZeroDivisionError), RunFolder(tmp_path / "run") as run:
        run.write_json("config.json", {})
        raise ZeroDivisionError
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["config.json"]


def test_model_that_fails_to_save_leaves_no_part_of_itself(tmp_path):
    class Broken:
        def save(self, path):
            path.write_bytes(b"half of it")
            raise RuntimeError("stopped")

    with RunFolder(tmp_path / "run") as run:
        run.write_json("config.json", {})
        with pytest.raises(RuntimeError, match="stopped"):
            run.save_model(Broken())
        names = {path.name for path in run.path.iterdir()}
    assert names == {"config.json", ".lock"}


def test_default_path_is_made_of_names_and_time():
    path = default_run_path("vgg16", "/data/my cats.v2/")
    assert path.parent.name == "runs"
    assert path.name.startswith("vgg16-my-cats-")


def test_default_path_keeps_to_runs_whatever_the_data_are_called():
    assert default_run_path("../../a/tiny.keras", "../..").parent.name == "runs"
    assert ".." not in default_run_path("a", "..").parts
