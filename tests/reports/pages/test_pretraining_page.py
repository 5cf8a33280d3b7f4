"""The page of a pretraining contains its images and escapes all text."""

import pytest

from tl_keras.checks import InputError
from tl_keras.jobs.generate import grid_png
from tl_keras.reports.pages.pretraining_page import (
    Figure,
    PretrainingReport,
    Section,
    Table,
    write_pretraining_page,
)

HOSTILE = '<script>alert("x")</script>'


def report(**changes):
    import numpy as np

    png = grid_png(np.zeros((3, 4, 4, 1), np.uint8))
    section = Section(
        name="samples",
        title=HOSTILE,
        texts=(HOSTILE,),
        figures=(Figure(png, HOSTILE, HOSTILE),),
        rows=((HOSTILE, HOSTILE),),
        table=Table((HOSTILE, "Figure"), ((HOSTILE, "0.5"),)),
    )
    content = {"title": HOSTILE, "number": "1.0", "words": "nats", "verdict": HOSTILE}
    return PretrainingReport(**content | {"sections": (section,), "warnings": (HOSTILE,)} | changes)


def test_page_is_one_file_and_runs_nothing(tmp_path):
    path = write_pretraining_page(tmp_path / "report.html", report())
    page = path.read_text(encoding="utf-8")
    assert "<script" not in page
    assert page.count("data:image/png;base64,") == 1
    assert '<td class="number">0.5</td>' in page
    for name in ("result", "samples", "warnings", "use"):
        assert f'id="{name}"' in page


def test_page_without_a_number_has_none(tmp_path):
    path = write_pretraining_page(tmp_path / "report.html", report(number="", warnings=()))
    page = path.read_text(encoding="utf-8")
    assert 'class="result"' not in page and 'id="warnings"' not in page


def test_page_without_sections_is_refused():
    with pytest.raises(InputError, match="Expected at least one section"):
        report(sections=())
