"""`tl-keras recommend`, and `tl-keras train --policy auto`, which follows it."""

import dataclasses
import json

import keras
import numpy as np
import pytest
from PIL import Image

from tests.data.changed_copies import as_jpeg
from tests.evaluation.policy.small_tables import row
from tests.jobs.small_runs import save_encoder, save_images
from tl_keras.checks import InputError
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.loading import load_dataset
from tl_keras.evaluation.policy import advice, judging
from tl_keras.jobs.features import kept_features as keeping
from tl_keras.jobs.few_labels.recommend.following import followed
from tl_keras.jobs.few_labels.recommend.recommend import _loaded, command_line
from tl_keras.jobs.few_labels.recommend.times import estimated_seconds
from tl_keras.jobs.train.other_images.unlabelled import load_data
from tl_keras.jobs.train.starting_point import StartingPoint, starting_point
from tl_keras.reports.wording.recommendation import beyond_sentences
from tl_keras.settings.few_labels.recommend import OF_TRAIN, STRATEGIES, RecommendSettings
from tl_keras.settings.fine_tune import FineTuneSettings
from tl_keras.settings.train import TrainSettings
from tl_keras.training.fine_tuning.time_plan import Speed


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save_encoder(tmp_path_factory.mktemp("encoder") / "small.keras")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """An empty place for kept features."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def recommended(out, encoder, **settings):
    from tl_keras.jobs.few_labels.recommend.recommend import recommend

    asked = {"backbone": str(encoder), "data": "digits", "labels_per_class": 10} | settings
    return recommend(RecommendSettings(out=str(out), **asked))


def test_digits_are_ranked_with_reasons_and_command_lines(tmp_path, encoder, capsys):
    path = recommended(tmp_path / "first", encoder)
    metrics = json.loads((path / "metrics.json").read_text())
    assert metrics["descriptors"]["classes"] == 10
    assert metrics["descriptors"]["images"] == 100
    names = [each["strategy"] for each in metrics["ranking"]]
    assert sorted(names) == sorted(set(STRATEGIES) - {"pseudo"})
    first = metrics["ranking"][0]
    assert first["expected"]["low"] <= first["expected"]["mean"] <= first["expected"]["high"]
    assert first["seconds"] > 0
    printed = capsys.readouterr().err
    line = f"tl-keras train --backbone {encoder} --data digits --labels-per-class 10"
    assert f"Run: {line}" in printed
    assert "Hit rate so far" in printed
    page = (path / "report.html").read_text(encoding="utf-8")
    assert line in page
    assert "100 training images of 10 classes, 10 of the rarest; grey, 8 pixels" in page
    assert "points below that of the best strategy that was measured" in page


def test_training_images_are_those_of_train(tmp_path):
    data = save_images(tmp_path / "data", 8)
    asked = {"labels_per_class": 2, "seed": 3, "group_by": "[02468]"}
    ours = _loaded(RecommendSettings(str(data), **asked)).train
    assert ours.ids == load_dataset(data, **asked).train.ids
    assert ours.ids != load_dataset(data, **asked | {"group_by": None}).train.ids


def save_random_copies(folder, count=60):
    """Saves random images in two classes at random, each with a recompressed copy."""
    random = np.random.default_rng(0)
    for number in range(count):
        coarse = random.integers(0, 256, (8, 8, 3), np.uint8)
        image = coarse.repeat(8, axis=0).repeat(8, axis=1)
        name = folder / "ab"[random.integers(2)]
        name.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(name / f"{number}.png")
        Image.fromarray(as_jpeg(image, 90)).save(name / f"{number}-copy.png")
    return folder


def save_wide_encoder(path):
    """Saves an encoder with so many features that a linear fit learns images by heart."""
    keras.utils.set_random_seed(0)
    image = keras.Input((16, 16, 3))
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(image)
    for number in range(3):
        x = keras.layers.Conv2D(8, 3, padding="same", activation="relu", name=f"conv_{number}")(x)
    x = keras.layers.Conv2D(256, 8, strides=8, activation="relu", name="wide")(x)
    keras.Model(image, x, name="wide").save(path)
    return path


def test_copies_held_out_from_each_other_do_not_raise_the_expected_accuracy(tmp_path):
    data = save_random_copies(tmp_path / "data")
    encoder = save_wide_encoder(tmp_path / "wide.keras")
    asked = {"data": str(data), "labels_per_class": None}
    found = {}
    for group_by in (None, "none"):
        path = recommended(tmp_path / f"run-{group_by}", encoder, group_by=group_by, **asked)
        found[group_by] = json.loads((path / "metrics.json").read_text())["descriptors"]
    for name in ("linear_accuracy", "knn_accuracy", "prototype_accuracy"):
        assert found[None][name] < 0.68, name  # the classes are random
        assert found["none"][name] > found[None][name] + 0.1, name
    assert found["none"]["linear_accuracy"] > 0.7
    assert "are the same or nearly the same as others" in (
        tmp_path / "run-None" / "report.html"
    ).read_text(encoding="utf-8")


def test_policy_auto_holds_out_copies_together(tmp_path):
    data = save_random_copies(tmp_path / "data")
    encoder = save_wide_encoder(tmp_path / "wide.keras")
    asked = config(data, encoder, tmp_path / "run")
    chosen = followed(asked, starting_point(asked, load_data(asked)[0]))[2]
    assert chosen["descriptors"]["linear_accuracy"] < 0.68


def test_more_labels_than_twice_those_of_the_table_are_named():
    rows = [row()]  # 10 labels per class
    assert not beyond_sentences(rows[0].descriptors | {"labels_per_class": 20.0}, rows)
    (sentence,) = beyond_sentences(rows[0].descriptors | {"labels_per_class": 21.0}, rows)
    assert "those of 10 to 10 labels per class; yours has 21" in sentence


def test_second_call_computes_no_features(tmp_path, encoder, capsys, monkeypatch):
    first = recommended(tmp_path / "first", encoder)
    monkeypatch.setattr(keeping, "build_encoder", lambda *a: pytest.fail("computed again"))
    second = recommended(tmp_path / "second", encoder)
    assert "used again" in capsys.readouterr().err
    found = [json.loads((p / "metrics.json").read_text())["descriptors"] for p in (first, second)]
    assert found[0] == found[1]


def test_pseudo_labels_are_ranked_only_with_images_for_them(tmp_path, encoder):
    path = recommended(tmp_path / "run", encoder, unlabelled="more images", labels_per_class=5)
    metrics = json.loads((path / "metrics.json").read_text())
    assert "pseudo" in [each["strategy"] for each in metrics["ranking"]]
    page = (path / "report.html").read_text(encoding="utf-8")
    assert "--unlabelled &#39;more images&#39;" in page


def test_without_weights_the_error_offers_nothing_that_is_refused(tmp_path, monkeypatch):
    def unavailable(*_):
        raise InputError("Expected to download; received no network. Give a weights file.")

    monkeypatch.setattr(keeping, "build_encoder", unavailable)
    with pytest.raises(InputError, match="no network") as error:
        recommended(tmp_path / "run", "mobilenet_v2")
    assert "pixels" not in str(error.value)
    assert not (tmp_path / "run").exists()


def test_one_label_a_class_is_answered_without_an_expected_accuracy(tmp_path, encoder, capsys):
    path = recommended(tmp_path / "run", encoder, labels_per_class=1)
    metrics = json.loads((path / "metrics.json").read_text())
    assert all(each["expected"] is None for each in metrics["ranking"])
    assert "accuracy unknown" in capsys.readouterr().err


def config(data, encoder, out, **changes):
    tuning = {name: changes.pop(name) for name in list(changes) if hasattr(FineTuneSettings, name)}
    return TrainSettings(
        backbone=str(encoder),
        data=str(data),
        out=str(out),
        split=(0.5, 0.25, 0.25),
        policy="auto",
        fine_tune=FineTuneSettings(**tuning),
        **changes,
    )


def test_auto_trains_as_the_policy_chooses_and_says_why(tmp_path, encoder, capsys, monkeypatch):
    from tl_keras.jobs.train.train import train

    monkeypatch.setattr(advice, "shipped_policy", lambda rows: lambda descriptors: ["linear"])
    data = save_images(tmp_path / "data", 8)
    path = train(config(data, encoder, tmp_path / "run", batch_size=8))
    settings = json.loads((path / "config.json").read_text())
    assert settings["policy"] is None  # the settings that it chose can be repeated
    assert settings["fine_tune"]["preset"] == "fast"
    policy = json.loads((path / "metrics.json").read_text())["policy"]
    assert policy["strategy"] == "linear"
    assert 0 <= policy["expected"]["low"] <= policy["expected"]["mean"] <= 1
    words = f"policy=auto: {STRATEGIES['linear'].title}, expected accuracy"
    assert words in capsys.readouterr().err
    assert words in (path / "report.html").read_text(encoding="utf-8")


def test_auto_leaves_the_images_of_a_promise_alone(tmp_path, encoder, monkeypatch):
    """Fine-tuning is chosen, so a third of the validation images chooses the point."""
    from tl_keras.jobs.train.train import train

    monkeypatch.setattr(advice, "shipped_policy", lambda rows: lambda descriptors: ["balanced"])
    asked = config(save_images(tmp_path / "data", 12), encoder, tmp_path / "run", max_error=0.3)
    path = train(dataclasses.replace(asked, split=(0.5, 0.3, 0.2)))
    settings = json.loads((path / "config.json").read_text())
    assert settings["fine_tune"]["preset"] == "balanced" and not settings["fine_tune"]["refit"]
    metrics = json.loads((path / "metrics.json").read_text())
    assert metrics["policy"]["strategy"] == "balanced" and metrics["fine_tuning"]["points"]
    assert metrics["answers"]["val"]["images"] == round(2 / 3 * metrics["pictures"]["val"])


@pytest.mark.parametrize("choice", OF_TRAIN)
def test_auto_gives_the_settings_of_its_choice(tmp_path, encoder, monkeypatch, choice):
    monkeypatch.setattr(advice, "shipped_policy", lambda rows: lambda descriptors: [choice])
    asked = config(save_images(tmp_path / "data", 8), encoder, tmp_path / "run", batch_size=8)
    start = starting_point(asked, load_data(asked)[0])
    settings, told, chosen = followed(asked, start)
    assert settings.policy is None
    assert settings.fine_tune == dataclasses.replace(asked.fine_tune, **STRATEGIES[choice].options)
    assert chosen["strategy"] == choice
    assert STRATEGIES[choice].title in told.weights["note"]


def test_auto_refuses_a_start_that_the_table_does_not_know(tmp_path, encoder):
    asked = config(save_images(tmp_path / "data", 8), encoder, tmp_path / "run")
    start = StartingPoint(None, None, {"note": "letters."}, suited={"linear_start": False})
    with pytest.raises(InputError, match=r"ImageNet weights for policy='auto'.*letters"):
        followed(asked, start)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"preset": "best"}, "Expected no preset with policy='auto'"),
        ({"unfreeze": "all"}, "Expected no unfreeze with policy='auto'"),
        ({"minutes": 3.0}, "Expected no minutes with policy='auto'"),
        ({"lr": 0.1}, "preset='fast'.*choice of policy='auto'"),
        ({"epochs": 3}, "preset='fast'.*choice of policy='auto'"),
        ({"linear_start": False}, "choice of policy='auto'"),
        ({"freeze_epochs": 2}, "choice of policy='auto'"),
        ({"head": "gap"}, "head='linear'.*choice of policy='auto'"),
        ({"kind": "audio"}, "Expected images with policy='auto'"),
        ({"weights": "random"}, "Expected ImageNet weights with policy='auto'"),
    ],
)
def test_options_that_a_choice_could_not_take_are_refused(options, text):
    of_tuning = FineTuneSettings.__dataclass_fields__
    tuning = {name: value for name, value in options.items() if name in of_tuning}
    others = {name: value for name, value in options.items() if name not in of_tuning}
    with pytest.raises(InputError, match=text):
        TrainSettings(
            "mobilenet_v2",
            "digits",
            policy="auto",
            fine_tune=FineTuneSettings(**tuning),
            **others,
        )


def test_times_follow_the_number_of_images_and_what_trains(tmp_path):
    splits = load_dataset(save_images(tmp_path / "data", 16), split_fractions=(0.5, 0.25, 0.25))
    speed = Speed(loading=0.001, changing=0.0, frozen=0.03, trained=0.01, features=8)
    few = splits._replace(train=splits.train.subset(range(6)))
    rows = [row(scratch=0.5)]  # 20 s for 10 images
    found, of_few = (estimated_seconds(speed, each, 8, rows, refit=False) for each in (splits, few))
    assert found["prototype"] == pytest.approx(0.041 * len(splits.train))
    assert found["scratch"] == pytest.approx(2 * len(splits.train))
    assert found["linear"] < found["balanced"] < found["full"]
    assert of_few["full"] < found["full"]
    assert "pretrain" not in found


def test_package_holds_its_table():
    assert judging.JUDGEMENT.is_file()


@pytest.mark.parametrize("name", list(STRATEGIES))
def test_command_lines_read_the_images_that_were_judged(name):
    train = ImageDataset(np.zeros((4, 2, 2, 3), np.uint8), np.array([0, 1, 0, 1]), ("a", "b"))
    config = RecommendSettings(data="images", fixes="my fixes.csv", unlabelled="more")
    lines = command_line(name, config, train).splitlines()
    assert lines and all(line.endswith("--fixes 'my fixes.csv'") for line in lines)
    asked = {"seed": 7, "on_bad_image": "skip", "split": (0.5, 0.2, 0.3), "labels_per_class": 4}
    for line in command_line(name, dataclasses.replace(config, **asked), train).splitlines():
        command = line.split()[1]
        assert " --on-bad-image skip --seed 7" in line
        assert (" --split 0.5,0.2,0.3" in line) == (command != "few-shot")
        assert line.count(" --labels-per-class 4") == (command in ("train", "compare"))
    assert "--fixes" not in command_line(name, dataclasses.replace(config, fixes=None), train)
    config = dataclasses.replace(config, group_by=r"a (\d+)")
    for line in command_line(name, config, train).splitlines():
        splits = not line.startswith("tl-keras few-shot")  # which takes all images
        assert (r"--group-by 'a (\d+)'" in line) == splits
