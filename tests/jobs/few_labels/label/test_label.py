"""`tl-keras label`: one site for a folder, whose labels outlive a kill and are data afterwards."""

import json
import os
import signal
import urllib.request

import pytest
from PIL import Image

from tests.jobs.small_runs import save_images
from tl_keras.checks import InputError
from tl_keras.data.loading import load_unsplit
from tl_keras.data.shards.writing import write_shards
from tl_keras.data.sources.label_rows import read_label_rows
from tl_keras.jobs.features import kept_features
from tl_keras.jobs.few_labels.label.label import label, labelling_site
from tl_keras.jobs.few_labels.label.label_folder import label_folder
from tl_keras.settings.few_labels.label import LabelSettings

BASE = "http://127.0.0.1:5000"


@pytest.fixture
def at_home(tmp_path, monkeypatch):
    """An empty working folder and an album of three class folders."""
    monkeypatch.chdir(tmp_path)
    return save_images(tmp_path / "album", 4)


@pytest.fixture
def started(at_home):
    """Function that starts the command without listening; returns (function that asks, file)."""
    runs = []

    def start(**options):
        while runs:
            runs.pop().__exit__()
        settings = LabelSettings(str(at_home), **{"backbone": "pixels"} | options)
        run = label_folder(settings.data, settings.out)
        runs.append(run.__enter__())
        site, _, file = labelling_site(settings, run)
        client, token = site.test_client(), site.token

        def ask(action, **sent):
            path = f"/{token}/{action}"
            return client.post(path, base_url=BASE, json={"client": "a"} | sent).json

        return ask, file

    yield start
    while runs:
        runs.pop().__exit__()


def test_names_of_folders_are_classes_and_the_same_command_goes_on(started, at_home):
    ask, file = started()
    assert str(file) == "runs/label-album/labels.csv"
    state = ask("state")
    assert [each["name"] for each in state["classes"]] == ["blue sky", "green", "röd"]
    row = state["current"]["row"]
    ask("add_class", name="other")
    assert ask("answer", rows=[row], label="röd")["labelled"] == 1
    assert "none yet" not in ask("answer", rows=[row], label="cow")["error"]
    ask, again = started()
    state = ask("state")
    assert again == file and state["labelled"] == 1 and state["current"]["row"] != row
    assert [each["name"] for each in state["classes"]][-1] == "other"
    assert json.loads((file.parent / "config.json").read_text())["backbone"] == "pixels"


def test_keys_of_the_classes_are_the_same_after_a_new_start(started):
    ask, _ = started()
    before = [each["name"] for each in ask("answer", rows=[0], label="röd")["classes"]]
    ask, _ = started(classes=("new",))
    assert [each["name"] for each in ask("state")["classes"]] == [*before, "new"]


def test_labels_of_another_folder_of_the_same_name_get_a_run_of_their_own(started, at_home):
    _, file = started()
    other = save_images(at_home / "deep" / "album", 2)
    assert label_folder(str(other), None).path.name == "label-album-2"
    assert label_folder(str(at_home), None).path == file.parent


def test_another_run_folder_with_files_is_refused(started, at_home, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").touch()
    with pytest.raises(InputError, match="holds files"):
        started(out=str(tmp_path / "full"))


def test_two_commands_at_once_do_not_write_to_one_file(started, at_home):
    started()
    with pytest.raises(InputError, match="another run is writing"):
        label_folder(str(at_home), None).__enter__()


def test_images_beside_class_folders_are_to_be_labelled_and_those_within_have_labels(
    started, at_home
):
    for path in sorted((at_home / "green").iterdir())[1:]:
        path.rename(at_home / path.name)
    ask, file = started()
    state = ask("state")
    assert state["labelled"] == 9 and "/" not in state["current"]["name"]
    assert [each["count"] for each in state["classes"]] == [4, 1, 4]
    labelled = ask("grid", kind="class", value="röd")["images"]
    ask("answer", rows=[labelled[0]["row"]], label=None)
    ask, _ = started()
    assert ask("state")["labelled"] == 8  # what was taken away does not come back
    assert len(read_label_rows(file).rows) == 10


def test_classes_can_be_given(started):
    ask, _ = started(classes=("cat", "dog"))
    assert [each["name"] for each in ask("state")["classes"]] == ["cat", "dog"]


def test_one_image_can_be_labelled(started, at_home):
    for path in list(at_home.rglob("*.png"))[1:]:
        path.unlink()
    ask, _ = started()
    state = ask("state")
    assert state["images"] == 1 and state["classes"] == []
    ask("add_class", name="cat")
    state = ask("answer", rows=[0], label="cat")
    assert state["current"] is None and state["labelled"] == 1


@pytest.mark.fault(47)
def test_what_is_no_folder_or_has_no_images_is_refused(at_home, tmp_path):
    (tmp_path / "empty").mkdir()
    write_shards({"all": load_unsplit(at_home)[0]}, tmp_path / "shards")
    none = "folder of image files to label"
    for data, words in {"digits": none, "shards": none, "empty": "images in empty"}.items():
        with pytest.raises(InputError, match=words):
            label(LabelSettings(data, backbone="pixels"))
    assert not (tmp_path / "runs").exists() or not list((tmp_path / "runs").iterdir())


def test_features_are_computed_once(started, encoder, monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    started(backbone=str(encoder))
    monkeypatch.setattr(kept_features, "extract_features", None)
    ask, _ = started(backbone=str(encoder))
    assert ask("state")["images"] == 12


def test_weights_of_pixels_are_refused():
    with pytest.raises(InputError, match="no weights with backbone='pixels'"):
        LabelSettings("x", backbone="pixels", weights="imagenet")


def ask(address, action, **sent):
    data = json.dumps({"client": "a"} | sent).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{address}{action}", data, headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


@pytest.mark.slow
def test_answers_outlive_a_kill_and_ctrl_c_ends_it(at_home, begin):
    Image.new("RGB", (9, 9), "red").save(at_home / "green" / "<i>\n.png")
    before = {path: path.stat().st_mtime_ns for path in at_home.rglob("*")}
    server, address = begin(at_home)
    for number in range(5):
        row = ask(address, "state")["current"]["row"]
        assert ask(address, "answer", rows=[row], label="green")["labelled"] == number + 1
    server.kill()
    server.wait()
    server, address = begin(at_home)
    assert ask(address, "state")["labelled"] == 5
    server.send_signal(signal.SIGINT)
    assert server.wait(60) == 128 + signal.SIGINT
    said = server.stderr.read()
    assert "5 of 13 images labelled in runs/label-album/labels.csv" in said
    assert "tl-keras train --data runs/label-album/labels.csv" in said and "Traceback" not in said
    assert {path: path.stat().st_mtime_ns for path in at_home.rglob("*")} == before
    assert len(read_label_rows("runs/label-album/labels.csv").last) == 5
    assert not os.path.exists("runs/label-album/.lock")
