"""`tl-keras train --unlabelled`: a last phase with pseudo-labels, and what its run tells."""

import csv
import json

import pytest

from tests.jobs.small_runs import CLASSES, arguments, save_images, small_config
from tests.training.small_models import small_classifier
from tl_keras.checks import InputError
from tl_keras.jobs.finished.evaluate import main_figures, measure
from tl_keras.jobs.train.other_images import unlabelled as unlabelled_job
from tl_keras.jobs.train.other_images.unlabelled import (
    Unlabelled,
    load_data,
    prepare_unlabelled,
    train_with_pseudo_labels,
)
from tl_keras.jobs.train.starting_point import StartingPoint
from tl_keras.jobs.train.train import train
from tl_keras.models.backbones.backbone import get_backbone
from tl_keras.settings.train import TrainSettings
from tl_keras.settings.whole_model import PseudoLabelSettings
from tl_keras.training.history import TrainingHistory
from tl_keras.training.step_memory import image_cost
from tl_keras.training.whole import pseudo_labels

QUICK = ("--pseudo-epochs", 2, "--unlabelled-ratio", 1, "--confidence", 0.4)


def metrics_of(run):
    return json.loads((run / "metrics.json").read_text(encoding="utf-8"))


def begun(config, splits):
    """The configuration and the start of a training of a tiny classifier."""
    start = StartingPoint(small_classifier(head="gap"), splits, {"kind": "encoder"})
    return start.resolved(config), start


def pixels_of(dataset):
    return {dataset.load(row).tobytes() for row in range(len(dataset))}


@pytest.fixture(scope="module")
def rest_run(tmp_path_factory, encoder, colours):
    settings = PseudoLabelSettings(epochs=2, unlabelled_ratio=1, confidence=0.4, augment="none")
    few = {"labels_per_class": 2, "freeze_epochs": 1, "epochs": 0, "unlabelled": "rest"}
    out = tmp_path_factory.mktemp("rest") / "run"
    return train(small_config(encoder, colours, out, pseudo_labels=settings, **few))


def test_the_rest_are_the_training_images_whose_labels_were_not_used(rest_run):
    metrics = metrics_of(rest_run)
    assert metrics["pictures"]["train"] == 6
    assert metrics["unlabelled"]["pictures"] == 12
    assert 0 < metrics["unlabelled"]["pseudo_label_rate"] <= 1
    assert 0 <= metrics["unlabelled"]["pseudo_label_accuracy"] <= 1
    assert set(metrics["unlabelled"]["labels_alone"]) >= {"accuracy", "loss"}


def test_history_and_seconds_have_the_phase_after_the_others(rest_run):
    with open(rest_run / "history.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["phase"] for row in rows] == ["head", "pseudo_labels", "pseudo_labels"]
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert rows[0]["pseudo_label_rate"] == "nan" and float(rows[1]["pseudo_label_rate"]) > 0
    seconds = metrics_of(rest_run)["seconds"]
    assert seconds["total"] > seconds["pseudo_labels"] > 0


def test_the_page_shows_the_pseudo_labels_and_the_way_before(rest_run):
    page = (rest_run / "report.html").read_text(encoding="utf-8")
    assert 'id="pseudo-labels"' in page and "before them" in page
    assert (rest_run / "figures" / "pseudo_labels.png").exists()


@pytest.mark.slow
def test_a_folder_without_labels_serves(encoder, colours, run_cli, tmp_path):
    more = save_images(tmp_path / "more", 4, seed=9, classes=CLASSES)
    words = arguments(encoder, colours, tmp_path / "run", "--unlabelled", more, *QUICK)
    status, _, error = run_cli(*words)
    assert status == 0, error
    figures = metrics_of(tmp_path / "run")["unlabelled"]
    assert (figures["pictures"], figures["left_out"]) == (12, 0)
    assert "pseudo_label_accuracy" not in figures
    assert "With 12 images without labels; before them" in error


@pytest.mark.parametrize("data", ["a folder", "digits"])
def test_what_is_measured_on_does_not_train_without_labels_either(
    data, encoder, colours, tmp_path, capsys
):
    data = str(colours) if data == "a folder" else data
    ratio = PseudoLabelSettings(unlabelled_ratio=1)
    config = small_config(encoder, data, tmp_path, unlabelled=data, pseudo_labels=ratio)
    splits, more = load_data(config)
    _, unlabelled = prepare_unlabelled(*begun(config, splits), more)
    held_out = len(splits.val) + len(splits.test)
    assert unlabelled.left_out >= held_out
    assert len(unlabelled.images) == len(more) - unlabelled.left_out > 0
    used, val, test = map(pixels_of, (unlabelled.images, splits.val, splits.test))
    assert not used & (val | test)
    assert f"{unlabelled.left_out} of {len(more)} images without" in capsys.readouterr().err


def test_images_of_val_and_test_alone_are_refused(encoder, colours, tmp_path):
    config = small_config(encoder, colours, tmp_path, unlabelled=str(colours))
    splits = load_data(config)[0]
    with pytest.raises(InputError, match="do not stand in val or test; received 9, all of which"):
        prepare_unlabelled(*begun(config, splits), splits.test)


def test_the_batch_is_that_of_what_fine_tuning_leaves_to_train(
    encoder, colours, tmp_path, monkeypatch
):
    seen = []
    monkeypatch.setattr(
        pseudo_labels, "image_cost", lambda model: seen.append(model) or image_cost(model)
    )
    ratio = PseudoLabelSettings(unlabelled_ratio=1)
    config = small_config(
        encoder, colours, tmp_path, unlabelled=str(colours), pseudo_labels=ratio,
        unfreeze="from:high_conv",
    )  # fmt: skip
    splits, more = load_data(config)
    config, _ = prepare_unlabelled(*begun(config, splits), more)
    (model,) = seen
    layers = {layer.name: layer.trainable for layer in get_backbone(model).layers}
    assert layers["high_conv"] and not layers["stem"] and not layers["high_bn"]
    assert config.pseudo_labels.batch_size == 16


@pytest.mark.parametrize(
    ("size", "advice"),
    [
        (32, "32 images, 4 labelled and 28 not.*--batch-size 16, or a smaller"),
        (8, "8 images, 1 labelled and 7 not.*--unlabelled-ratio 3, or a"),
    ],
)
def test_out_of_memory_names_an_option_that_reaches_this_phase(
    size, advice, encoder, colours, tmp_path, monkeypatch
):
    def full(*_, **__):
        raise MemoryError

    monkeypatch.setattr(unlabelled_job, "fit_with_pseudo_labels", full)
    settings = PseudoLabelSettings(batch_size=size)
    config = small_config(
        encoder, colours, tmp_path, unlabelled=str(colours), pseudo_labels=settings
    )
    config, start = begun(config, load_data(config)[0])
    with pytest.raises(InputError, match=advice):
        train_with_pseudo_labels(
            TrainingHistory(), config, start, Unlabelled(start.splits.train, 0)
        )


def test_figures_before_are_measured_as_those_after(encoder, colours, tmp_path):
    settings = PseudoLabelSettings(epochs=0, batch_size=8)
    config = small_config(
        encoder, colours, tmp_path, unlabelled=str(colours), pseudo_labels=settings,
        augment="photos",
    )  # fmt: skip
    config, start = begun(config, load_data(config)[0])
    history, test = TrainingHistory(), start.splits.test
    given = Unlabelled(start.splits.train, 0)
    found = train_with_pseudo_labels(history, config, start, given)
    plain, flipped = (main_figures(measure(start.model, test, flips=f)[1]) for f in (False, True))
    assert found.labels_alone == flipped != plain


def test_too_few_images_are_refused_before_training(encoder, colours, run_cli, tmp_path):
    more = save_images(tmp_path / "more", 1, seed=9)
    words = arguments(encoder, colours, tmp_path / "run", "--unlabelled", more)
    status, out, error = run_cli(*words)
    assert status == 2 and "unlabelled images, one batch" in error and "received 3" in error
    assert "Epoch" not in out and not (tmp_path / "run" / "model.keras").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("--unlabelled", "digits", "--confidence", 1),
            "confidence to be a number > 0 and < 1; received confidence=1.0",
        ),
        (("--unlabelled", "rest"), "labels_per_class with unlabelled='rest'"),
        (("--unlabelled", "nowhere"), "nowhere"),
    ],
)
def test_what_cannot_be_done_is_one_line(words, message, encoder, colours, run_cli, tmp_path):
    status, _, error = run_cli(*arguments(encoder, colours, tmp_path / "run", *words))
    assert status == 2 and message in error


def test_the_rest_needs_a_number_of_labels():
    with pytest.raises(InputError, match="labels_per_class=None. Give a number"):
        TrainSettings("vgg16", "digits", unlabelled="rest")
