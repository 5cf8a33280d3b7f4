"""The page on which one image after another is classified and explained."""

import base64
import io
import json
import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.browser import CHROMIUM, Browser
from tests.jobs.small_runs import CLASSES, probabilities_of, table_rows
from tl_keras.checks import InputError
from tl_keras.jobs.finished import image_answers
from tl_keras.jobs.finished.demo import demo, demo_site
from tl_keras.jobs.finished.predict import predict
from tl_keras.reports.served.serving import site_address
from tl_keras.settings.finished_runs import DemoSettings

BASE = "http://127.0.0.1:5000"
HOSTILE = "<img src=x onerror=alert(1)>\n.png"


def asks(site):
    """A function that sends an image, or anything else, and returns what comes back."""
    client, address = site.test_client(), f"/{site.token}/look"

    def ask(data=b"", **content):
        sent = {"image": base64.b64encode(data).decode(), "name": "a.png"} | content
        return client.post(address, base_url=BASE, json=sent).json

    return ask


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Features are kept in a folder of this test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_HOME", str(tmp_path_factory.mktemp("keras")))
        yield


@pytest.fixture(scope="module")
def site(home, finished_run):
    return demo_site(DemoSettings(str(finished_run)))


@pytest.fixture(scope="module")
def ask(site):
    return asks(site)


def pixels_of(uri):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))).convert("RGB"))


def test_answer_is_that_of_predict_and_a_training_image_is_nearest_to_itself(
    ask, site, finished_run, colours, tmp_path
):
    records = json.loads((finished_run / "config.json").read_text())
    assert records["data"] == str(colours)
    path = colours / "green" / "3.png"
    predict(finished_run, [str(path)], out=tmp_path / "out.csv")
    [row] = table_rows(tmp_path / "out.csv")
    found = ask(path.read_bytes(), name=HOSTILE)
    assert found["label"] == row["label"] == found["classes"][0]["name"]
    expected = dict(zip(CLASSES, probabilities_of([row], CLASSES)[0], strict=True))
    given = {each["name"]: each["probability"] for each in found["classes"]}
    assert given == pytest.approx(expected, abs=1e-5)
    assert found["name"] == HOSTILE.replace("\n", "\\n")
    assert len(found["near"]) == 3
    values = [each["similarity"] for each in found["near"]]
    assert values == sorted(values, reverse=True)
    first = found["near"][0]
    again = ask(Path(first["name"]).read_bytes())["near"][0]
    assert again["name"] == first["name"]
    assert again["similarity"] == pytest.approx(1, abs=1e-4)
    assert first["label"] == first["name"].split("/")[-2]
    thumbnail = site.test_client().get(f"/{site.token}/thumbnail/{first['row']}", base_url=BASE)
    assert thumbnail.mimetype.startswith("image/")


def test_image_and_heatmap_have_the_proportions_of_the_image(ask):
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 60, 3), np.uint8)).save(
        stream, "TIFF"
    )
    found = ask(stream.getvalue())
    assert pixels_of(found["image"]).shape == pixels_of(found["heatmap"]).shape == (149, 448, 3)
    other = next(each["number"] for each in found["classes"] if each["number"] != found["shown"])
    again = ask(stream.getvalue(), **{"class": other})
    assert again["shown"] == other
    assert again["label"] == found["label"]
    assert again["heatmap"] != found["heatmap"]


@pytest.mark.fault(45)
@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"image": base64.b64encode(b"<html>").decode()}, "received a.png: its content is not a"),
        ({"image": ""}, "readable image; received a.png"),
        ({"image": "no base64!"}, "Expected an image as base64"),
        ({"image": None}, "Expected an image and its name"),
        ({"name": 3}, "Expected an image and its name"),
        ({"class": 3}, "number of a class, 0 to 2; received 3"),
        ({"class": "0"}, "number of a class"),
        ({"class": True}, "number of a class"),
    ],
)
def test_what_is_no_image_or_class_is_answered_with_a_sentence(ask, colours, content, message):
    error = ask((colours / "green" / "0.png").read_bytes(), **content)["error"]
    assert message in error
    assert "\n" not in error


@pytest.mark.fault(45)
def test_an_image_that_is_too_large_is_refused_before_it_is_decoded(ask, monkeypatch):
    monkeypatch.setattr(image_answers, "LARGEST_IMAGE", 3 * 2**20)
    assert "at most 3 MB; received one of 4 MB" in ask(b"0" * 4 * 2**20)["error"]
    bomb = io.BytesIO()
    Image.new("1", (20000, 20000)).save(bomb, "PNG")
    assert "more than the limit" in ask(bomb.getvalue())["error"]


def test_nothing_that_is_sent_is_written(ask, colours, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert "label" in ask((colours / "green" / "0.png").read_bytes())
    assert os.listdir(tmp_path) == []


def test_page_is_one_of_this_machine(site, finished_run):
    page = site.test_client().get(f"/{site.token}/", base_url=BASE).text
    assert f"Try {finished_run}" in page
    for name in ("demo.js", "demo.css"):
        assert site.test_client().get(f"/{site.token}/{name}", base_url=BASE).status_code == 200
    assert site.test_client().post("/wrong/look", base_url=BASE, json={}).status_code == 403


@pytest.mark.fault(46)
def test_without_the_training_images_the_rest_is_shown_and_the_page_says_so(
    home, copied_run, colours, tmp_path, capsys
):
    config = json.loads((copied_run / "config.json").read_text())
    moved = shutil.copytree(colours, tmp_path / "moved")
    (copied_run / "config.json").write_text(json.dumps(config | {"data": str(tmp_path / "gone")}))
    alone = demo_site(DemoSettings(str(copied_run)))
    assert "Give their new place with --data" in capsys.readouterr().err
    page = alone.test_client().get(f"/{alone.token}/", base_url=BASE).text
    assert "No similar training images are shown" in page
    data = (moved / "green" / "0.png").read_bytes()
    found = asks(alone)(data)
    assert found["near"] == [] and found["heatmap"]
    again = demo_site(DemoSettings(str(copied_run), data=str(moved)))
    assert asks(again)(data)["near"][0]["name"].startswith(str(moved))
    with pytest.raises(InputError, match="nowhere"):
        demo_site(DemoSettings(str(copied_run), data=str(tmp_path / "nowhere")))


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(InputError, match="finished run folder with config.json"):
        demo(str(tmp_path))


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_an_image_is_chosen_and_explained_in_a_browser(site, colours, tmp_path):
    from werkzeug.serving import make_server

    shutil.copy(colours / "green" / "3.png", tmp_path / "<img src=x onerror=alert(1)>.png")
    (tmp_path / "text.png").write_text("no image")
    server = make_server("127.0.0.1", 0, site, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with Browser() as browser:
        browser.open(site_address(site, server.port))

        def choose(name):
            root = browser.send("DOM.getDocument")["root"]["nodeId"]
            node = browser.send("DOM.querySelector", nodeId=root, selector="#file")["nodeId"]
            browser.send("DOM.setFileInputFiles", nodeId=node, files=[str(tmp_path / name)])

        def text(name):
            return browser.evaluate(f"document.getElementById('{name}').textContent")

        choose("<img src=x onerror=alert(1)>.png")
        browser.wait("!document.getElementById('found').hidden")
        assert text("name") == "<img src=x onerror=alert(1)>.png"
        assert text("answer") in CLASSES
        assert browser.evaluate("document.querySelectorAll('#near img').length") == 3
        browser.evaluate("document.querySelectorAll('#classes button')[1].click()")
        browser.wait("document.querySelectorAll('#classes button')[1].ariaPressed === 'true'")
        assert browser.errors == []
        choose("text.png")
        browser.wait("!document.getElementById('trouble').hidden")
        assert "received text.png: its content is not" in text("trouble")
        assert browser.evaluate("document.getElementById('found').hidden")
    server.shutdown()
