"""A page contains its images, escapes all text, and is written whole or not at all."""

import base64

import numpy as np
import pytest
from markupsafe import Markup

from tests.reports.pages.test_training_page import HOSTILE, Page
from tl_keras.checks import InputError
from tl_keras.reports.page_parts import sections as parts
from tl_keras.reports.page_parts.html import write_page
from tl_keras.reports.page_parts.thumbnails import png_width

IMAGE = np.zeros((3, 4, 3), np.uint8)
EVERY_PART = (
    HOSTILE,
    Markup("<i>{}</i>").format(HOSTILE),
    parts.Soft(HOSTILE),
    parts.Result(HOSTILE, HOSTILE),
    parts.Note([HOSTILE, HOSTILE], "loud"),
    parts.Bullets([HOSTILE]),
    parts.Code(HOSTILE),
    parts.Files([HOSTILE]),
    parts.Table((HOSTILE, "Figure"), [(HOSTILE, "0.5")]),
    parts.Figure(IMAGE, HOSTILE, HOSTILE, name="drawn"),
    parts.Samples({HOSTILE: [IMAGE]}),
    parts.Group(HOSTILE, "#ffffff", HOSTILE, [IMAGE], [HOSTILE]),
    parts.Tiles([parts.Tile([IMAGE], [HOSTILE], [HOSTILE])]),
)


def page_of(*content, **changes):
    section = parts.Section("one", HOSTILE, content)
    return parts.Page(**{"title": HOSTILE, "lead": [], "sections": [section]} | changes)


def test_every_part_shows_its_texts_and_runs_nothing(tmp_path):
    path = write_page(tmp_path / "report.html", page_of(*EVERY_PART, warnings=[HOSTILE]))
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert "<script" not in text and page.events == []
    assert page.ids == ["one", "warnings"]
    assert "<i>" in text and '<td class="number">0.5</td>' in text
    assert page.words.count(HOSTILE) == 22
    assert len(page.images) == 4
    assert all(uri.startswith("data:image/") for uri in page.images)


def test_figure_is_the_file_beside_the_page(tmp_path):
    write_page(tmp_path / "first.html", page_of(parts.Figure(IMAGE, "a", name="drawn")))
    png = (tmp_path / "figures" / "drawn.png").read_bytes()
    assert png_width(png) == 4
    text = write_page(tmp_path / "report.html", page_of(parts.Figure(png, "a"))).read_text()
    assert (tmp_path / "figures" / "one.png").read_bytes() == png
    assert f"data:image/png;base64,{base64.b64encode(png).decode()}" in text


def test_page_without_warnings_has_no_link_to_them(tmp_path):
    text = write_page(tmp_path / "report.html", page_of("words")).read_text(encoding="utf-8")
    assert "#warnings" not in text and "<p>words</p>" in text


def test_failure_while_writing_leaves_the_old_page(tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("old page")

    def full_disk(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full_disk)
    with pytest.raises(InputError, match="No space left on device"):
        write_page(path, page_of("words"))
    monkeypatch.undo()
    assert path.read_text() == "old page"
    assert [f.name for f in tmp_path.rglob(".part-*")] == []
