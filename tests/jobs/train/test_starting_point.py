"""Origin of the weights, with and without a network. Nothing here touches one."""

import dataclasses
import json
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from tests.jobs.small_runs import small_config
from tests.training.small_models import small_backbone
from tl_keras.checks import InputError
from tl_keras.data.loading import load_dataset
from tl_keras.data.sources.letters import LETTERS
from tl_keras.files import write_json
from tl_keras.jobs.train import scratch
from tl_keras.jobs.train import starting_point as module
from tl_keras.jobs.train.other_images import letters_task, unlabelled
from tl_keras.jobs.train.starting_point import StartingPoint, starting_point
from tl_keras.jobs.train.suited_settings import (
    AFTER_LETTERS,
    AFTER_TWO_VIEWS,
    NORMALISED_BATCH,
    after_letters,
    suited_to,
)
from tl_keras.jobs.train.train import train
from tl_keras.models.backbones.applications import image_size_for
from tl_keras.models.backbones.backbone import get_backbone
from tl_keras.settings.fine_tune import FineTuneSettings
from tl_keras.settings.train import TrainSettings
from tl_keras.training.fine_tuning.fine_tune import fine_tune


@pytest.fixture
def small_in_place(monkeypatch):
    """Random weights give the tiny encoder instead of the real base; the rest is as it was."""
    build = scratch.build_classifier

    def build_small(backbone, num_classes, *, image_size=None, weights="imagenet", **rest):
        if weights == "random":
            return build(small_backbone(), num_classes, **rest)
        return build(backbone, num_classes, image_size=image_size, weights=weights, **rest)

    monkeypatch.setattr(scratch, "build_classifier", build_small)
    monkeypatch.setattr(letters_task, "SOURCE_PER_CLASS", 2)
    monkeypatch.setattr(letters_task, "SOURCE_HELD_OUT", 1)


def _config(tmp_path, **changes):
    settings = {"split": (0.8, 0.1, 0.1), "freeze_epochs": 1, "epochs": 0, "batch_size": 256}
    return small_config("vgg16", "digits", tmp_path / "run", **settings | changes)


def test_auto_without_network_pretrains_on_drawn_letters_and_says_so(
    offline, small_in_place, tmp_path, capsys
):
    run = train(_config(tmp_path, weights="auto"))
    err = capsys.readouterr().err
    metrics = json.loads((run / "metrics.json").read_text())
    assert len(offline) == 1, "the download was not tried once"
    assert metrics["weights"]["kind"] == "source task"
    assert "No ImageNet weights were to be had" in metrics["weights"]["note"]
    assert 0 <= metrics["weights"]["source_test_accuracy"] <= 1
    assert metrics["pictures"]["train"] == 10 * letters_task.FEW_LABELS
    assert metrics["pictures"]["val"] == 10 * letters_task.FEW_TO_VALIDATE
    assert sum(metrics["pictures"].values()) == 1797, "a digit is in no split"
    assert {"accuracy", "loss", "val", "lr", "seconds"} <= set(metrics["from_scratch"])
    assert json.loads((run / "classes.json").read_text())["class_names"] == list("0123456789")
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "No ImageNet weights were to be had" in page
    assert "the same network from scratch" in page
    half = metrics["from_scratch"]["half_width"]
    assert 0 < half < 0.1 and f"± {100 * half:.1f} points" in page
    assert "on 1,697 images." in page and "on 1,697 images." in err
    assert "NO IMAGENET WEIGHTS for vgg16" in err


def test_what_learned_letters_is_the_start_and_no_data_of_the_user_are_left_out(
    offline, small_in_place, monkeypatch, tmp_path
):
    learned = {}

    def learn(model, letters, **settings):
        learned.update(model=model, names=letters.class_names, size=letters.images.shape[1:3])
        learned.update(settings)

    monkeypatch.setattr(letters_task, "fine_tune", learn)
    config = _config(tmp_path, weights="auto", labels_per_class=20)
    splits = load_dataset("digits", labels_per_class=20)
    start = starting_point(config, splits)
    assert learned["names"] == LETTERS and learned["size"] == (8, 8)
    assert learned["lr"] == letters_task.SOURCE_LR_NORMALISED, "small_backbone normalises"
    assert start.splits is splits
    for got, taught in zip(
        get_backbone(start.model).get_weights(),
        get_backbone(learned["model"]).get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(got, taught)


def test_auto_with_cached_weights_uses_them_and_pretrains_nothing(monkeypatch, tmp_path):
    asked = []

    def build(backbone, num_classes, *, weights, **_):
        asked.append((backbone, num_classes, weights))
        return "a classifier"

    monkeypatch.setattr(module, "imagenet_weights_cached", lambda *_: True)
    monkeypatch.setattr(module, "suited_to_head", lambda model: {})
    monkeypatch.setattr(scratch, "build_classifier", build)
    splits = load_dataset("digits")
    start = starting_point(_config(tmp_path, weights="auto"), splits)
    assert asked == [("vgg16", 10, "imagenet")]
    assert start.model == "a classifier"
    assert start.splits is splits
    assert not start.from_source_task
    assert start.weights["kind"] == "imagenet"
    assert "published ImageNet weights" in start.weights["note"]


@pytest.mark.fault(32)
def test_imagenet_without_network_names_the_ways_on_and_leaves_no_folder(offline, tmp_path):
    with pytest.raises(InputError) as refused:
        train(_config(tmp_path))
    message = str(refused.value)
    for part in ("no network", "Give a weights file", "weights='random'", "--weights auto"):
        assert part in message
    assert "\n" not in message
    assert len(offline) == 1
    assert not (tmp_path / "run").exists()


def test_weights_that_cannot_be_had_are_missed_before_the_images_are_read(
    offline, colours, monkeypatch, tmp_path
):
    """Checking 60,000 images takes minutes."""
    monkeypatch.setattr("tl_keras.jobs.train.train.load_data", lambda _: 1 / 0)
    config = small_config("mobilenet_v2", colours, tmp_path / "run", image_size=96)
    with pytest.raises(InputError, match="no network"):
        train(config)
    assert [url.endswith("1.0_96_no_top.h5") for url in offline] == [True]
    assert not (tmp_path / "run").exists()


def test_random_weights_ask_no_network_and_are_called_training_from_scratch(
    offline, small_in_place, tmp_path
):
    start = starting_point(_config(tmp_path, weights="random"), load_dataset("digits"))
    assert start.weights["kind"] == "random"
    assert "training from scratch" in start.weights["note"]
    assert offline == []


def test_random_weights_all_train_moving_statistics_too_and_the_note_says_so(
    offline, small_in_place, colours, tmp_path, capsys
):
    splits = load_dataset(colours, split_fractions=(0.5, 0.25, 0.25))
    asked = FineTuneSettings(augment="none", epochs=1, batch_size=8)
    config = dataclasses.replace(_config(tmp_path, weights="random"), fine_tune=asked)
    start = starting_point(config, splits)
    weights = get_backbone(start.model).weights
    before = [weight.numpy() for weight in weights]
    fine_tune(start.model, splits.train, **dataclasses.asdict(start.settings(asked)))
    for weight, old in zip(weights, before, strict=True):
        assert (weight.numpy() != old).any(), f"{weight.path} is as it was at random"
    chosen = "Settings that suit this start: freeze_epochs=0, unfreeze=all, backbone_lr_factor=1.0"
    assert "training from scratch" in start.weights["note"] and chosen in start.weights["note"]
    assert chosen in capsys.readouterr().err


def test_weights_file_that_is_not_there_is_named(offline, tmp_path):
    with pytest.raises(InputError, match="weights='no/such.h5', and there is no such file"):
        starting_point(_config(tmp_path, weights="no/such.h5"), load_dataset("digits"))
    assert offline == []


@pytest.mark.parametrize("weights", ["imagenet", "random", "other.weights.h5"])
def test_weights_beside_an_encoder_are_refused_not_ignored(weights, encoder, colours, tmp_path):
    with pytest.raises(InputError, match="Expected no weights beside .*tiny.keras"):
        train(small_config(encoder, colours, tmp_path / "run", weights=weights))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"backbone": "vgg61"}, "backbone to be one of vgg1.*received backbone='vgg61'"),
        ({"head": "attentoin"}, "head to be one of attention.*received head='attentoin'"),
        ({"backbone": "none/such.keras"}, "Expected a backbone file; received none/such.keras"),
    ],
)
def test_unknown_names_are_refused_before_data_are_read(changes, message, monkeypatch, tmp_path):
    monkeypatch.setattr(unlabelled, "load_dataset", None)
    backbone = changes.pop("backbone", "vgg16")
    with pytest.raises(InputError, match=message):
        train(small_config(backbone, "digits", tmp_path / "run", **changes))


@pytest.mark.parametrize(
    ("backbone", "asked", "side"),
    [("vgg16", None, 32), ("xception", None, 71), ("vgg16", 48, 48), ("a.keras", None, None)],
)
def test_small_images_get_a_small_input_not_below_the_minimum(backbone, asked, side):
    assert image_size_for(backbone, load_dataset("digits").train, asked) == side


def test_files_get_the_size_of_the_backbone(colours):
    assert image_size_for("vgg16", load_dataset(str(colours)).train) == 224


@pytest.mark.parametrize("normalised", [False, True])
def test_rate_of_training_from_scratch_is_the_best_on_validation(normalised, monkeypatch, tmp_path):
    factors = scratch.SCRATCH_RATES_NORMALISED if normalised else scratch.SCRATCH_RATES
    rates = [0.01 * factor for factor in factors]
    accuracies = dict(zip(rates, (0.2, 0.9)[-len(rates) :], strict=True))

    def from_scratch(config, splits, image_size, epochs, rate):
        assert (image_size, epochs) == (16, 3)
        return rate, SimpleNamespace(seconds={"total": 2.0})

    def measure(rate, dataset):
        assert dataset == "val", "the learning rate was chosen on other data"
        return None, {"accuracy": accuracies[rate], "loss": 1.0}

    monkeypatch.setattr(scratch, "train_from_scratch", from_scratch)
    monkeypatch.setattr(scratch, "measure", measure)
    splits = SimpleNamespace(train="train", val="val", test="test")
    layers = [keras.Input((16, 16, 3)), keras.layers.Flatten()]
    model = keras.Sequential([*layers, *[keras.layers.BatchNormalization()] * normalised])
    found = scratch.best_from_scratch(_config(tmp_path, lr=0.01), model, splits, 3)
    best, tried = rates[-1], len(rates)
    assert (found.model, found.rate, found.seconds) == (best, best, 2.0 * tried)
    assert found.val == {"accuracy": 0.9, "loss": 1.0}


def test_settings_of_a_linear_start_do_not_hinder_training_from_scratch(monkeypatch):
    tuning = FineTuneSettings(linear_start=True, refit=True, minutes=3).filled()
    settings = FineTuneSettings(**dataclasses.asdict(tuning) | scratch.FROM_SCRATCH)
    assert settings.linear_start is False
    rates, config = [], TrainSettings("vgg16", "digits", fine_tune=tuning)
    best = SimpleNamespace(model=None, val=None, rate=0.1, seconds=0.0)
    monkeypatch.setattr(scratch, "best_of_rates", lambda _, tried, __: rates.extend(tried) or best)
    model = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Flatten()])
    scratch.best_from_scratch(config, model, None, 3)
    assert rates == pytest.approx([factor * 1e-3 for factor in scratch.SCRATCH_RATES])


@pytest.mark.parametrize(("asked", "size"), [(None, NORMALISED_BATCH), (6, 6)])
def test_statistics_from_scratch_are_of_batches_that_are_large_enough(
    asked, size, small_in_place, monkeypatch, tmp_path
):
    seen = {}
    monkeypatch.setattr(scratch, "fine_tune", lambda *_, **settings: seen.update(settings))
    config = _config(tmp_path, batch_size=asked)
    scratch.train_from_scratch(config, load_dataset("digits", labels_per_class=5), 32, 3, 0.1)
    assert (seen["batch_size"], seen["epochs"], seen["lr"]) == (size, 3, 0.1)


def test_what_was_left_at_its_default_suits_a_base_pretrained_here():
    asked = FineTuneSettings(unfreeze="last:3", epochs=5)
    suited = {"freeze_epochs": 20}
    pretrained = StartingPoint(None, None, {}, True, AFTER_LETTERS)
    assert pretrained.settings(asked) == dataclasses.replace(
        asked.filled({"linear_start": False}), **suited
    )
    assert pretrained.settings(FineTuneSettings()).unfreeze == "all"
    assert pretrained.settings(FineTuneSettings()).epochs == 25
    assert StartingPoint(None, None, {}).settings(asked) == asked.filled()


def test_statistics_learn_after_letters_and_few_images_have_twice_the_epochs():
    plain = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    normalised = keras.Sequential([keras.Input((4,)), keras.layers.BatchNormalization()])
    assert after_letters(plain, 50) == AFTER_LETTERS
    few, many = (after_letters(normalised, size) for size in (50, 5000))
    assert (few["epochs"], few["batch_size"], few["batch_norm"]) == (50, 25, "train")
    assert (many["epochs"], many["batch_size"]) == (25, 32)


def test_what_was_asked_for_counts_also_where_it_is_the_default():
    asked = FineTuneSettings(unfreeze="half", backbone_lr_factor=0.3)
    start = StartingPoint(None, None, {"note": "An encoder."}, suited=AFTER_TWO_VIEWS)
    assert start.settings(asked).unfreeze == "half"
    assert start.settings(asked).backbone_lr_factor == 0.3
    assert start.with_note(asked).weights["note"] == "An encoder."
    frozen = FineTuneSettings(unfreeze="none")  # a factor for the backbone has no effect then
    assert start.with_note(frozen).weights["note"] == "An encoder."


@pytest.mark.parametrize(
    ("config", "suited"),
    [({"method": "simclr"}, AFTER_TWO_VIEWS), ({"method": "vae"}, {}), ({"data": "x"}, {})],
)
def test_all_layers_of_what_learned_from_two_views_go_on_learning(tmp_path, config, suited):
    write_json(tmp_path / "config.json", config)
    assert suited_to(tmp_path) == suited
    assert suited_to(tmp_path / "config.json") == {}
