"""Rows of labels.csv: the last of an image counts, and a kill or a full disk loses no whole row."""

import csv
import os

import pytest

from tl_keras.checks import InputError
from tl_keras.data.sources import label_rows
from tl_keras.data.sources.label_rows import (
    NONE_OF_THESE,
    LabelLog,
    LabelRow,
    read_column,
    read_label_rows,
)

UGLY = 'a "b", <i>\n\\n #c\udc80.png'


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "my, photos").mkdir()
    return tmp_path / "my, photos"


@pytest.fixture
def log(tmp_path, folder):
    return LabelLog(tmp_path / "run" / "labels.csv", folder)


def test_the_last_row_of_an_image_counts_in_the_order_of_answers(log):
    log.append([LabelRow("a.png", "cat", b"\x01"), LabelRow("b.png", "dog")])
    log.append([LabelRow(UGLY, 'ré\\d, "x"', b"\xff"), LabelRow("b.png", "")])
    log.append([LabelRow("c.png", NONE_OF_THESE), LabelRow("a.png", "cow", b"\x02")])
    last = read_label_rows(log.path).last
    assert {name: row.label for name, row in last.items()} == {
        UGLY: 'ré\\d, "x"',
        "c.png": NONE_OF_THESE,
        "a.png": "cow",
    }
    assert list(last)[-1] == "a.png" and last["a.png"].content == b"\x02"
    assert last["a.png"].when[:2] == "20" and len(log.path.read_text().splitlines()) == 8


def test_folder_of_the_images_is_in_the_file(log, folder, tmp_path, monkeypatch):
    assert os.path.samefile(read_label_rows(log.path).folder, folder)
    monkeypatch.chdir(tmp_path)
    assert LabelLog("run/labels.csv", "my, photos").rows.rows == ()


@pytest.mark.fault(50)
@pytest.mark.parametrize("cut", [2, 5, 20])
def test_a_row_that_a_kill_cut_is_left_aside_and_the_next_is_whole(log, folder, cut):
    log.append([LabelRow("a.png", "cat"), LabelRow("b.png", "dog")])
    whole = log.path.read_bytes()
    log.path.write_bytes(whole[:-cut])
    assert read_label_rows(log.path).is_cut and list(read_label_rows(log.path).last) == ["a.png"]
    again = LabelLog(log.path, folder)
    again.append([LabelRow("c.png", "cow")])
    assert list(read_label_rows(log.path).last) == ["a.png", "c.png"]
    assert not read_label_rows(log.path).is_cut


def test_a_whole_last_row_counts_though_an_editor_left_out_the_end_of_the_line(log, folder):
    log.append([LabelRow("a.png", "cat"), LabelRow("b.png", "dog")])
    log.path.write_bytes(log.path.read_bytes().rstrip(b"\n"))
    assert not read_label_rows(log.path).is_cut
    LabelLog(log.path, folder).append([LabelRow("c.png", "cow")])
    assert list(read_label_rows(log.path).last) == ["a.png", "b.png", "c.png"]


@pytest.mark.fault(50)
@pytest.mark.parametrize("failing", ["write", "fsync"])
def test_a_full_disk_leaves_the_rows_before_whole(log, monkeypatch, failing):
    log.append([LabelRow("a.png", "cat")])
    before = log.path.read_bytes()

    class Full:
        """File that takes only a part of what is written."""

        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def __getattr__(self, name):
            return getattr(self.file, name)

        def write(self, data):
            return self.file.write(data[:4])

    def no_sync(_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        if failing == "write":
            opened = lambda *args, **options: Full(open(*args, **options))  # noqa: E731, SIM115
            patched.setattr(label_rows, "open", opened, raising=False)
        else:
            patched.setattr(os, "fsync", no_sync)
        with pytest.raises(InputError, match="add to .*labels.csv.*not kept"):
            log.append([LabelRow("b.png", "dog")])
    assert log.path.read_bytes() == before
    log.append([LabelRow("b.png", "dog")])
    assert list(read_label_rows(log.path).last) == ["a.png", "b.png"]


def test_each_answer_is_flushed_to_the_disk(log, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", synced.append)
    log.append([LabelRow("a.png", "cat")])
    assert len(synced) == 1


def test_a_file_that_was_removed_is_not_made_anew_without_its_labels(log):
    log.path.unlink()
    with pytest.raises(InputError, match="add to"):
        log.append([LabelRow("a.png", "cat")])


@pytest.mark.fault(51)
def test_labels_of_another_folder_are_refused(log, tmp_path):
    (tmp_path / "other").mkdir()
    with pytest.raises(InputError, match=r"with labels of .*other.*received those of .*my, photos"):
        LabelLog(log.path, tmp_path / "other")


def test_a_table_of_ones_own_needs_path_and_class_only(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_bytes(b'\xef\xbb\xbfclass,path\r\n"a, cat",x\\new.png\r\ndog,sub/y.png')
    rows = read_label_rows(path)
    assert rows.last["x\\new.png"].label == "a, cat" and rows.last["sub/y.png"].label == "dog"
    assert os.path.samefile(rows.folder, tmp_path)


@pytest.mark.fault(51)
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"image,class\na,b\n", "without a column path"),
        (b"", "without a column path"),
        (b"path,class\na\n", "row 1 has another number of cells"),
        (b"path,class\na,b,c\n", "row 1 has another number of cells"),
        (b"path,class\n\xff\xfe,b\n", "UTF-8"),
        (b"path,class,content\na,b,xyz\n", "hexadecimal"),
    ],
)
def test_what_is_no_table_of_labels_is_refused_in_one_line(tmp_path, content, words):
    path = tmp_path / "bad\n.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=words) as raised:
        read_label_rows(path)
    assert "\n" not in str(raised.value) and "columns path and class" in str(raised.value)


@pytest.mark.parametrize("separator", [",", ";"])
def test_a_file_that_a_spreadsheet_saved_again_has_the_same_rows(log, folder, separator):
    """It writes a byte-order mark, CRLF, and as many cells in each line; some write semicolons."""
    log.append([LabelRow("a.png", "cat", b"\x01"), LabelRow("b.png", "dog, brown")])
    before = read_label_rows(log.path)
    with open(log.path, newline="", encoding="utf-8") as file:
        lines = list(csv.reader(file))
    first, *table = lines
    with open(log.path, "w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file, delimiter=separator)
        joined = first if separator == "," else [",".join(first)]
        writer.writerow([*joined, *[""] * (4 - len(joined))])
        writer.writerows(table)
    after = read_label_rows(log.path)
    assert os.path.samefile(after.folder, folder) and after.rows == before.rows
    again = LabelLog(log.path, folder)
    again.append([LabelRow("c.png", "a; b, c")])
    assert read_label_rows(log.path).last["c.png"].label == "a; b, c"


def test_rows_are_added_below_the_columns_of_the_file(log, folder):
    log.append([LabelRow("a.png", "cat", b"\x01")])
    first = log.path.read_text().splitlines()[0]
    log.path.write_text(f"{first}\nclass,path,camera\ncat,a.png,left\n")
    LabelLog(log.path, folder).append([LabelRow("b.png", "dog", b"\x02")])
    rows = read_label_rows(log.path).last
    assert {name: row.label for name, row in rows.items()} == {"a.png": "cat", "b.png": "dog"}
    assert read_column(log.path, "camera") == {"a.png": "left", "b.png": ""}
