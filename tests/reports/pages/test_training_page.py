"""The page is one safe file with every part, written whole or not at all."""

import base64
import dataclasses
import html
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

import tl_keras.reports.pages.training_page as page_module
from tl_keras.data.dataset import ImageDataset, Splits
from tl_keras.data.inspection.checking import Inspection
from tl_keras.evaluation.classifiers.classification import accuracy_interval, evaluate_predictions
from tl_keras.reports.page_parts import sections
from tl_keras.reports.page_parts.html import write_page
from tl_keras.reports.page_parts.sections import Samples, Section
from tl_keras.reports.pages.results import TrainingResults
from tl_keras.reports.pages.training_page import rows_shown, training_page
from tl_keras.settings.train import TrainSettings
from tl_keras.training.history import TrainingHistory

HOSTILE = '<script>alert("x")</script>'
NAMES = ("daisy", HOSTILE, "猫咪 & $5\n'quoted'")
SECTIONS = [
    "result",
    "weights",
    "splits",
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
def results():
    rng = np.random.default_rng(0)
    probabilities, labels = rng.dirichlet([3, 1, 1], 30), [0] * 20 + [1] * 5 + [2] * 5
    test = evaluate_predictions(probabilities, labels, NAMES)
    images = rng.integers(0, 255, (30, 20, 30, 3), dtype=np.uint8)
    data = ImageDataset(images, np.array(labels), NAMES, "test", "b\udcff" + HOSTILE)
    history = TrainingHistory()
    history.history = {"loss": [1.0, 0.5], "accuracy": [0.4, 0.8]}
    history.phases = [
        {"name": "head", "start": 0, "end": 1},
        {"name": "fine_tune", "start": 1, "end": 2},
    ]
    warnings = ("Class 'daisy' is large.", HOSTILE)
    return TrainingResults(
        config=TrainSettings("vgg16", "/images/" + HOSTILE),
        splits=Splits(data, data, data, Inspection(warnings=warnings)),
        image_size=(64, 96),
        history=history,
        probabilities=probabilities,
        metrics={
            "weights": {"kind": "letters", "note": "Weights: drawn letters, not ImageNet."},
            "test": test,
            "pictures": {"train": 30, "val": 30, "test": 30},
            "test_time_flips": False,
            "from_scratch": {
                "accuracy": 0.4,
                "lr": 0.001,
                "epochs": 2,
                "difference": 0.4,
                "half_width": 0.1,
            },
            "seconds": {"head": 3.2, "fine_tune": 75.0},
        },
        test=test,
        val=test,
        command="tl-keras train vgg16 " + HOSTILE,
    )


@pytest.fixture(scope="module")
def written(results, tmp_path_factory):
    path = tmp_path_factory.mktemp("run") / "report.html"
    assert write_page(path, training_page(results)) == path
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


def test_all_images_can_be_decoded(page, results):
    sizes = []
    for uri in page.images:
        image = Image.open(io.BytesIO(base64.b64decode(uri.split(",", 1)[1])))
        image.load()
        sizes.append(image.size)
    thumbnails = len(NAMES) * 5 + 1 + 12  # samples of each class, of the large one six; mistakes
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


def test_summary_and_instructions_carry_the_numbers(page, results):
    words = " ".join(page.words.split())
    metrics = results.test
    assert f"{metrics['accuracy']:.1%}" in words
    assert "accuracy on 30 test images" in words
    low, high = accuracy_interval(metrics["accuracy"], 30)
    assert f"95% interval {low:.1%} to {high:.1%}" in words
    assert "has an accuracy of 66.7%" in words
    assert results.metrics["weights"]["note"] in words
    assert "of 64 x 96 (height x width)" in words
    assert "1 min 15 s" in words


def test_python_lines_of_the_page_are_python(written):
    text = written.read_text(encoding="utf-8")
    (lines,) = re.findall(r"<pre>(import json.*?)</pre>", text, re.DOTALL)
    compile(html.unescape(lines), "page", "exec")


def test_page_leaves_out_what_a_run_lacks(results, tmp_path):
    metrics = {k: v for k, v in results.metrics.items() if k != "from_scratch"}
    content = {"history": TrainingHistory(), "val": None, "metrics": metrics}
    splits = results.splits._replace(inspection=None)
    short = training_page(dataclasses.replace(results, splits=splits, **content))
    page = Page(write_page(tmp_path / "p.html", short).read_text(encoding="utf-8"))
    left_out = {"comparison", "curves", "warnings"}
    assert page.ids == [section for section in SECTIONS if section not in left_out]


def test_heatmaps_stand_beside_mistakes_and_right_answers(results, tmp_path):
    mistakes, right = rows_shown(results.probabilities, results.splits.test.labels)
    assert len(mistakes) == 12
    assert len(right) >= 1
    rows = np.concatenate([mistakes, right]).tolist()
    heatmaps = {row: np.full((4, 6), 1.0, np.float32) for row in rows}
    shown = training_page(dataclasses.replace(results, heatmaps=heatmaps))
    page = Page(write_page(tmp_path / "p.html", shown).read_text(encoding="utf-8"))
    assert page.ids[page.ids.index("mistakes") + 1] == "correct"
    assert "Red marks the parts of an image" in page.words
    drawn = [Image.open(io.BytesIO(base64.b64decode(u.split(",", 1)[1]))) for u in page.images]
    tiles = [np.asarray(image.convert("RGB")) for image in drawn if image.size == (112, 75)]
    assert len(tiles) == 16 + 2 * len(rows)
    overlays = tiles[17::2]  # all red, after the samples and an image each
    assert all(each[..., 0].mean() > each[..., 2].mean() + 30 for each in overlays)


def test_a_network_without_heatmaps_says_why(results, tmp_path):
    shown = training_page(dataclasses.replace(results, no_heatmaps="No feature map: " + HOSTILE))
    page = Page(write_page(tmp_path / "p.html", shown).read_text(encoding="utf-8"))
    assert "No feature map: " + HOSTILE in page.words
    assert "correct" not in page.ids


def test_many_classes_are_folded_away(tmp_path):
    image = np.zeros((4, 4, 3), np.uint8)
    section = Section("samples", "", [Samples({f"c{i}": [image] for i in range(30)})])
    path = write_page(tmp_path / "p.html", sections.Page(title="t", lead=[], sections=[section]))
    assert "Show the other 6 classes" in path.read_text(encoding="utf-8")


def test_failure_while_drawing_writes_nothing(results, tmp_path, monkeypatch):
    def fails(*_):
        raise RuntimeError("cannot draw")

    monkeypatch.setattr(page_module, "plot_reliability", fails)
    with pytest.raises(RuntimeError):
        write_page(tmp_path / "report.html", training_page(results))
    assert list(tmp_path.iterdir()) == []
