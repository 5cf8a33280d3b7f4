"""Files are written whole or not at all."""

import json
import os
import stat

import pytest

from tl_keras.checks import InputError
from tl_keras.files import (
    escape_controls,
    replacing,
    unescape_controls,
    write_csv,
    write_json,
    write_text,
)


@pytest.fixture
def old(tmp_path):
    path = tmp_path / "model.keras"
    path.write_text("old")
    return path


def _only(path, text):
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    assert path.read_text() == text


def test_file_is_replaced_when_the_block_ends(old):
    with replacing(old) as temporary:
        temporary.write_text("new")
        assert old.read_text() == "old"
        assert temporary.parent == old.parent, "a rename across disks is not atomic"
        assert temporary.suffix == ".keras"
    _only(old, "new")


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
@pytest.mark.fault(36)
def test_writer_that_fails_leaves_the_old_file_alone(error, old):
    with pytest.raises(error), replacing(old) as temporary:
        temporary.write_text("half")
        raise error
    _only(old, "old")


def test_writer_that_fails_leaves_no_new_file(tmp_path):
    with pytest.raises(RuntimeError), replacing(tmp_path / "new.txt") as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert not list(tmp_path.iterdir())


@pytest.mark.fault(37)
def test_full_disk_is_an_input_error_with_the_path(old):
    with (
        pytest.raises(InputError, match="write .*model.keras; received No space left on device"),
        replacing(old) as temporary,
    ):
        temporary.write_text("half")
        raise OSError(28, "No space left on device")
    _only(old, "old")


def test_disk_that_fails_at_the_flush_keeps_the_old_file(old, monkeypatch):
    def fail(_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(InputError, match="received Input/output error. What stood there before"):
        write_text(old, "new")
    _only(old, "old")


@pytest.mark.fault(37)
def test_folder_that_cannot_be_written_is_an_input_error_with_the_path():
    with pytest.raises(InputError, match="able to write /proc/none/a.txt"):
        write_text("/proc/none/a.txt", "text")


def test_folder_in_place_of_the_file_is_an_input_error(tmp_path):
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(InputError, match="write .*a.txt; received Is a directory"):
        write_text(tmp_path / "a.txt", "text")
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_permissions_are_those_of_an_ordinary_file(mask, mode, tmp_path):
    before = os.umask(mask)
    try:
        write_text(tmp_path / "a.txt", "text")
        assert os.umask(mask) == mask, "the mask of the process was changed"
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == mode


def test_folders_are_made(tmp_path):
    write_text(tmp_path / "a" / "b" / "c.txt", "text")
    _only(tmp_path / "a" / "b" / "c.txt", "text")


def test_json_keeps_letters_and_paths_that_are_no_text(tmp_path):
    content = {"name": "röd", "path": "bad\udcff.png", "n": [1, None]}
    write_json(tmp_path / "a.json", content)
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert "röd" in text
    assert json.loads(text) == content


def test_content_that_is_no_json_leaves_the_old_file(old):
    with pytest.raises(TypeError):
        write_json(old, {"a": object()})
    _only(old, "old")


@pytest.mark.parametrize(
    ("name", "escaped"),
    [
        ("\x1b[31mred\x1b[0m.png", r"\x1b[31mred\x1b[0m.png"),
        ("two\nlines\t.png", r"two\nlines\t.png"),
        (r"back\slash\n.png", r"back\\slash\\n.png"),
        ("bad\udcff.png", r"bad\udcff.png"),
        ("gpj.\u202eexe", r"gpj.\u202eexe"),
        ("\x9b2J\x7f\u2028", r"\x9b2J\x7f\u2028"),
    ],
)
def test_controls_are_escaped_and_lead_back(name, escaped):
    assert escape_controls(name) == escaped
    assert unescape_controls(escaped) == name


@pytest.mark.parametrize(
    "name", ["猫 и кот.png", "röd é.png", 'a "quoted", comma.png', "👩\u200d🔬"]
)
def test_other_letters_stay_as_they_are(name):
    assert escape_controls(name) == name == unescape_controls(name)


def test_table_holds_no_controls_and_numbers_as_they_are(tmp_path):
    write_csv(tmp_path / "t.csv", ("path", "score"), [("a\x1b[2Jb", 0.5)])
    assert (tmp_path / "t.csv").read_bytes() == b"path,score\r\na\\x1b[2Jb,0.5\r\n"
