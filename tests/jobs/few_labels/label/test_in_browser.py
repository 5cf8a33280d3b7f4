"""The page in a real browser: twenty labels by keyboard, a kill in between, and ugly names."""

import os
import signal

import pytest
from PIL import Image

from tests.browser import CHROMIUM, Browser
from tests.jobs.small_runs import save_images
from tl_keras.data.sources.label_rows import read_label_rows

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]
UGLY = "<img src=x onerror=alert(1)> \"&'\n" + "long " * 30 + ".png"
LONG = "a very long class name " * 12
KEYS = {"blue sky": "1", "green": "2", "röd": "3"}
READY = "state && !busy && ready"


@pytest.fixture
def album(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = save_images(tmp_path / "album", 10)
    Image.new("RGB", (9, 9), "red").save(folder / "röd" / UGLY)
    return folder


def label_by_keys(browser, count):
    """Presses the key of the true class `count` times; returns the numbers of the images."""
    rows = []
    for _ in range(count):
        browser.wait(READY)
        current = browser.evaluate("state.current")
        browser.press(KEYS[current["name"].split("/")[0]])
        browser.wait(f"{READY} && state.current.row !== {current['row']}")
        rows.append(current["row"])
    return rows


def labels():
    return read_label_rows("runs/label-album/labels.csv").last


def test_twenty_labels_by_keyboard_with_a_kill_in_between(album, begin, tmp_path):
    server, address = begin(album)
    with Browser() as browser:
        browser.open(address)
        first = label_by_keys(browser, 12)
        server.kill()
        server.wait()
        browser.press("1")
        browser.wait("!document.getElementById('trouble').hidden && !busy")
        assert "has ended" in browser.evaluate("document.getElementById('trouble').textContent")
        assert len(labels()) == 12
        server, address = begin(album)
        browser.open(address)
        browser.wait(READY)
        assert browser.evaluate("state.labelled") == 12
        second = label_by_keys(browser, 8)
        assert len({*first, *second}) == 20
        assert all(row.label == name.split("/")[0] for name, row in labels().items())
        browser.press("u")
        browser.wait(f"{READY} && state.labelled === 19")
        assert browser.evaluate("state.current.row") == second[-1]
        browser.press("Enter")  # the guess
        browser.wait(f"{READY} && state.labelled === 20")
        browser.press("0")
        browser.wait(f"{READY} && state.none === 1")
        browser.press("s")
        browser.wait(READY)
        assert browser.evaluate("state.labelled") == 21
        check_many_at_once(browser)
        browser.screenshot(tmp_path / "page.png")
        others = [e for e in browser.errors if "ERR_CONNECTION" not in e]
        assert not others
    server.send_signal(signal.SIGTERM)
    assert server.wait(20) == 128 + signal.SIGTERM
    assert len(labels()) == 31 and not os.path.exists("runs/label-album/.lock")


def check_many_at_once(browser):
    """Labels the others in the grid with a class that is typed."""
    browser.press("/")
    browser.type(LONG)
    browser.evaluate("document.querySelector('[data-view=rest]').click()")
    browser.wait("shown.length === 10")
    text = browser.evaluate("document.getElementById('grid').textContent")
    assert "<img" not in text or "onerror" in text  # as text
    assert browser.evaluate("document.querySelectorAll('#grid img').length") == 10
    browser.evaluate("document.activeElement.blur()")
    browser.press("a")
    assert browser.evaluate("selected.size") == 10
    browser.press("/")
    browser.press("Enter")
    browser.wait("state.labelled === 31 && !busy")
    assert browser.evaluate("state.classes.at(-1).count") == 10
    browser.press("Escape")


def test_a_group_is_labelled_at_once_before_there_is_a_class(album, begin, tmp_path):
    (tmp_path / "loose").mkdir()
    for path in album.rglob("?.png"):
        path.rename(tmp_path / "loose" / f"{path.parent.name} {path.name}")
    _, address = begin(tmp_path / "loose")
    with Browser() as browser:
        browser.open(address)
        browser.wait(READY)
        browser.evaluate("document.activeElement.blur()")
        browser.press("c")
        browser.wait("view.kind === 'group' && shown.length > 0")
        count = browser.evaluate("selected.size")
        assert count == browser.evaluate("shown.length")
        browser.press("/")
        browser.type("colour")
        browser.press("Enter")
        browser.wait(f"!busy && state.labelled === {count} && shown.length > 0")
        assert browser.evaluate("state.classes[0].name") == "colour"
        assert not browser.errors


def test_ugly_names_are_shown_as_text(album, begin):
    for path in album.rglob("[0-9].png"):
        path.unlink()
    _, address = begin(album)
    with Browser() as browser:
        browser.open(address)
        browser.wait(READY)
        assert browser.evaluate("document.getElementById('name').textContent").startswith(
            "röd/<img"
        )
        assert browser.evaluate("document.querySelectorAll('#name img').length") == 0
        assert not browser.errors
