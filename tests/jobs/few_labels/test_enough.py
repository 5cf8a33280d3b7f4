"""`tl-keras enough`."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.data.images import fill_with_copies
from tl_keras import InputError
from tl_keras.data.sources.label_rows import NONE_OF_THESE, LabelLog, LabelRow
from tl_keras.jobs.few_labels import enough as enough_module
from tl_keras.jobs.few_labels.enough import enough
from tl_keras.settings.few_labels.enough import EnoughSettings

PIXELS = {"backbone": "pixels", "image_size": 8}


def settings(folder, **changed):
    return EnoughSettings(**({"data": str(folder)} | PIXELS | changed))


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """36 images of three colours, of which two are hard to tell apart."""
    folder = tmp_path_factory.mktemp("photographs")
    generator = np.random.default_rng(0)
    for label, colour in {
        "red": (220, 30, 30),
        "blue": (30, 30, 200),
        "navy": (30, 30, 190),
    }.items():
        (folder / label).mkdir()
        for k in range(12):
            pixels = np.clip(generator.normal(colour, 40, (8, 8, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / label / f"{k}.png")
    return folder


def test_page_and_metrics_hold_the_curve_and_its_forecast(photographs, tmp_path, capsys):
    run = enough(settings(photographs, more=20, out=str(tmp_path / "run")))
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["labels"] == 36
    assert metrics["kind"] == "random"
    assert [each["labels"] for each in metrics["forecasts"]][0] == 36
    assert 56 in [each["labels"] for each in metrics["forecasts"]]
    assert sum(metrics["share_of_errors"].values()) == pytest.approx(1)
    assert metrics["share_of_errors"]["red"] < 0.2
    assert (run / "figures" / "forecast.png").is_file()
    printed = capsys.readouterr().err
    assert "20 more labels should bring the accuracy from" in printed
    page = (run / "report.html").read_text()
    assert "expected accuracy with 56 labels" in page
    assert "drawn at random" in page


def test_seed_draws_the_images_that_are_held_out(photographs, tmp_path):
    runs = [enough(settings(photographs, seed=n, out=str(tmp_path / f"{n}"))) for n in (0, 1)]
    first, second = (json.loads((run / "metrics.json").read_text())["curve"] for run in runs)
    assert first["labels"] == second["labels"]
    assert first["accuracy"] != second["accuracy"]


def test_labels_of_the_label_page_are_taken_for_chosen(photographs, tmp_path):
    table = tmp_path / "labels.csv"
    answered = [(name, k) for name in ("red", "navy") for k in range(8)]
    LabelLog(table, photographs).append(LabelRow(f"{n}/{k}.png", n) for n, k in answered)
    run = enough(settings(table, out=str(tmp_path / "run")))
    metrics = json.loads((run / "metrics.json").read_text())
    assert (metrics["labels"], metrics["kind"]) == (16, "chosen")
    assert set(metrics["share_of_errors"]) == {"red", "navy"}


def test_images_of_none_of_these_classes_are_none_to_be_labelled(
    photographs, tmp_path, monkeypatch
):
    table, seen = tmp_path / "labels.csv", []
    answered = [LabelRow(f"{n}/{k}.png", n) for n in ("red", "navy") for k in range(8)]
    none = [LabelRow(f"blue/{k}.png", NONE_OF_THESE) for k in range(5)]
    LabelLog(table, photographs).append([*answered, *none])
    measure = enough_module.measure_curve

    def noted(*arguments, others, **rest):
        seen.append(len(others))
        return measure(*arguments, others=others, **rest)

    monkeypatch.setattr(enough_module, "measure_curve", noted)
    enough(settings(table, out=str(tmp_path / "run")))
    assert seen == [36 - 16 - 5]


def test_a_table_with_a_file_of_another_suffix_is_taken(photographs, tmp_path):
    (tmp_path / "odd.dat").write_bytes((photographs / "red" / "0.png").read_bytes())
    names = [(n, photographs / n / f"{k}.png") for n in ("red", "navy") for k in range(6)]
    rows = "".join(f"{path},{n}\n" for n, path in [*names, ("red", "odd.dat")])
    (tmp_path / "labels.csv").write_text(f"path,class\n{rows}")
    run = enough(settings(tmp_path / "labels.csv", out=str(tmp_path / "run")))
    metrics = json.loads((run / "metrics.json").read_text())
    assert (metrics["labels"], metrics["kind"]) == (13, "random")


def test_images_without_labels_and_too_many_more_are_refused(photographs, tmp_path):
    with pytest.raises(InputError, match="received images without labels"):
        enough(settings(photographs / "red", out=str(tmp_path / "a")))
    with pytest.raises(InputError, match="36 to 144 labels"):
        enough(settings(photographs, more=109, out=str(tmp_path / "b")))
    assert not (tmp_path / "b" / "report.html").exists()
    with pytest.raises(InputError, match="no weights with backbone='pixels'"):
        settings(photographs, weights="random")


def test_copies_do_not_raise_the_curve(tmp_path):
    images = fill_with_copies(tmp_path / "images", "ab", 40, 4)
    run = enough(settings(images, out=str(tmp_path / "run")))
    accuracies = json.loads((run / "metrics.json").read_text())["curve"]["accuracy"]
    assert max(accuracies) < 0.7
    assert "160 images are the same or nearly the same" in (run / "report.html").read_text()
