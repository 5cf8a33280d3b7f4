"""The page is one safe file with every part, written whole or not at all."""

import base64
import dataclasses
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

import tl_keras.reports.pages.training_page as page_module
from tl_keras.checks import InputError
from tl_keras.evaluation.classifiers.classification import accuracy_interval, evaluate_predictions
from tl_keras.reports.pages.html import write_figures
from tl_keras.reports.pages.training_page import (
    TrainingReport,
    training_figures,
    write_training_report,
)

HOSTILE = '<script>alert("x")</script>'
NAMES = ("daisy", HOSTILE, "猫咪 & $5\n'quoted'")
SECTIONS = [
    "result",
    "weights",
    "comparison",
    "samples",
    "curves",
    "confusion",
    "classes",
    "reliability",
    "mistakes",
    "times",
    "settings",
    "warnings",
    "use",
]


class Page(HTMLParser):
    """Collects ids, tags, images and links of a page."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.tags, self.images, self.links, self.words = [], [], [], [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append(tag)
        self.ids += [attrs["id"]] if "id" in attrs else []
        self.images += [attrs["src"]] if tag == "img" else []
        self.links += [attrs["href"]] if "href" in attrs else []
        self.events = getattr(self, "events", []) + [a for a in attrs if a.startswith("on")]

    def handle_data(self, data):
        self.words += data


@pytest.fixture(scope="module")
def report():
    rng = np.random.default_rng(0)
    metrics = evaluate_predictions(
        rng.dirichlet([3, 1, 1], 30), [0] * 20 + [1] * 5 + [2] * 5, NAMES
    )
    image = rng.integers(0, 255, (20, 30, 3), dtype=np.uint8)
    mistake = {"true": NAMES[1], "predicted": NAMES[2], "probability": 0.97, "image": image}
    return TrainingReport(
        title=f"vgg16 on {HOSTILE}",
        weights_note="Weights: the bundled source task, not ImageNet.",
        test_metrics=metrics,
        val_metrics=metrics,
        image_size=(64, 96),
        summary=(("Backbone", "vgg16"), ("Data", "/images/" + HOSTILE)),
        history={"loss": [1.0, 0.5], "accuracy": [0.4, 0.8]},
        phases=(
            {"name": "head", "start": 0, "end": 1},
            {"name": "fine_tune", "start": 1, "end": 2},
        ),
        samples={name: [image] * 2 for name in NAMES},
        mistakes=({"path": "a/" + HOSTILE + ".jpg", **mistake}, {"path": "b\udcff.jpg", **mistake}),
        comparison=(
            {
                "name": "transfer",
                "accuracy": 0.8,
                "interval": accuracy_interval(0.8, 30),
                "note": "same labels",
            },
        ),
        warnings=("Class 'daisy' is large.", HOSTILE),
        seconds={"head": 3.2, "fine_tune": 75.0},
        files=("model.keras", "figures/a b.png"),
        command="tl-keras train vgg16 " + HOSTILE,
    )


@pytest.fixture(scope="module")
def written(report, tmp_path_factory):
    path = tmp_path_factory.mktemp("run") / "report.html"
    assert write_training_report(path, report) == path
    return path


@pytest.fixture(scope="module")
def page(written):
    return Page(written.read_text(encoding="utf-8"))


def test_every_section_is_there_in_order(page):
    assert page.ids == SECTIONS


def test_nothing_is_loaded_from_elsewhere(written, page):
    text = written.read_text(encoding="utf-8")
    assert "http://" not in text
    assert "https://" not in text
    assert "default-src 'none'" in text
    assert all(image.startswith("data:image/") for image in page.images)
    assert all(link.startswith(("#", "./")) for link in page.links)
    assert not {"script", "link", "iframe", "object"} & set(page.tags)


def test_hostile_names_are_shown_as_text(written, page):
    assert "<script" not in written.read_text(encoding="utf-8")
    assert page.events == []
    assert page.words.count(HOSTILE) > 8


def test_all_images_can_be_decoded(page, report):
    sizes = []
    for uri in page.images:
        image = Image.open(io.BytesIO(base64.b64decode(uri.split(",", 1)[1])))
        image.load()
        sizes.append(image.size)
    thumbnails = 2 * len(NAMES) + len(report.mistakes)
    assert sizes.count((112, 75)) == thumbnails
    assert len(sizes) == thumbnails + 4


def test_page_holds_the_same_bytes_as_the_figure_files(written, page):
    files = sorted((written.parent / "figures").iterdir())
    assert [f.stem for f in files] == [
        "comparison",
        "confusion_matrix",
        "learning_curves",
        "reliability",
    ]
    for file in files:
        uri = f"data:image/png;base64,{base64.b64encode(file.read_bytes()).decode()}"
        assert uri in page.images


def test_summary_and_instructions_carry_the_numbers(page, report):
    words = " ".join(page.words.split())
    metrics = report.test_metrics
    assert f"{metrics['accuracy']:.1%}" in words
    assert "accuracy on 30 test images" in words
    low, high = accuracy_interval(metrics["accuracy"], 30)
    assert f"95% interval {low:.1%} to {high:.1%}" in words
    assert "has an accuracy of 66.7%" in words
    assert report.weights_note in words
    assert "of 64 x 96 (height x width)" in words
    assert "1 min 15 s" in words


def test_python_lines_of_the_page_are_python(written):
    text = written.read_text(encoding="utf-8")
    (lines,) = re.findall(r"<pre>(import json.*?)</pre>", text, re.DOTALL)
    compile(lines, "page", "exec")


def test_short_report_leaves_out_what_it_has_not(report, tmp_path):
    short = TrainingReport(title="t", weights_note="w", test_metrics=report.test_metrics)
    page = Page(write_training_report(tmp_path / "p.html", short).read_text(encoding="utf-8"))
    left_out = {"comparison", "samples", "curves", "times", "warnings"}
    assert page.ids == [section for section in SECTIONS if section not in left_out]


def test_without_a_test_split_the_page_says_so(report, tmp_path):
    untested = dataclasses.replace(report, test_metrics=None)
    text = write_training_report(tmp_path / "p.html", untested, figures={}).read_text(
        encoding="utf-8"
    )
    assert "There was no test split: these are the validation images" in text
    assert "took no part in training" not in text


def test_report_without_metrics_is_refused():
    with pytest.raises(InputError, match="Expected test_metrics, val_metrics or train_metrics"):
        TrainingReport(title="t", weights_note="w", test_metrics=None)


def test_given_figures_are_shown_and_none_are_drawn(report, written, tmp_path):
    png = (written.parent / "figures" / "reliability.png").read_bytes()
    text = write_training_report(tmp_path / "p.html", report, {"reliability": png}).read_text()
    uri = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    assert [i for i in Page(text).images if i.startswith("data:image/png")].count(uri) == 1
    assert [f.name for f in tmp_path.iterdir()] == ["p.html"]


def test_many_classes_are_folded_away(report, tmp_path):
    image = np.zeros((4, 4, 3), np.uint8)
    many = dataclasses.replace(report, samples={f"c{i}": [image] for i in range(30)})
    text = write_training_report(tmp_path / "p.html", many, figures={}).read_text(encoding="utf-8")
    assert "Show the other 6 classes" in text


def test_failure_while_writing_leaves_the_old_page(report, tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("old page")

    def full_disk(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full_disk)
    with pytest.raises(InputError, match="No space left on device"):
        write_training_report(path, report, figures={})
    monkeypatch.undo()
    assert path.read_text() == "old page"
    assert [f.name for f in tmp_path.rglob(".part-*")] == []


def test_failure_while_drawing_writes_nothing(report, tmp_path, monkeypatch):
    def fails(*_):
        raise RuntimeError("cannot draw")

    monkeypatch.setattr(page_module, "plot_reliability", fails)
    with pytest.raises(RuntimeError):
        write_training_report(tmp_path / "report.html", report)
    assert list(tmp_path.iterdir()) == []


def test_each_figure_is_rendered_once(report, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        "tl_keras.reports.pages.html.render_png", lambda figure: drawn.append(figure) or b"png"
    )
    figures = training_figures(report)
    assert write_figures(tmp_path / "f", figures) == dict.fromkeys(figures, b"png")
    assert drawn == list(figures.values())
    assert (tmp_path / "f" / "reliability.png").read_bytes() == b"png"
