"""Settings from files: a run is repeated, the line wins, and what is wrong is named."""

import dataclasses
import json

import pytest

from tl_keras.settings.compare import CompareSettings
from tl_keras.settings.fine_tune import FineTuneSettings
from tl_keras.settings.finished_runs import DistillRunSettings, PruneRunSettings
from tl_keras.settings.label_free import PretrainSettings
from tl_keras.settings.options.config_files import from_json
from tl_keras.settings.train import TrainSettings
from tl_keras.settings.whole_model import DistillSettings, PruneSettings, PseudoLabelSettings

pytestmark = pytest.mark.usefixtures("signal_handlers")
SETTINGS = TrainSettings(
    "vgg16",
    "digits",
    split=(0.6, 0.2, 0.2),
    unlabelled="more/",
    out="runs/mine",
    fine_tune=FineTuneSettings(lr=3e-4, unfreeze="last:2", seed=7, label_smoothing=0.2),
    pseudo_labels=PseudoLabelSettings(epochs=3, seed=7, label_smoothing=0.2),
)


def _write(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def test_run_is_repeated_from_its_config_but_for_its_folder(run_cli, asked, tmp_path):
    content = SETTINGS.to_json()
    file = _write(tmp_path / "config.json", content)
    assert run_cli("train", "--config", file)[0] == 0
    assert asked == [from_json(TrainSettings, content | {"out": None})]
    plain = TrainSettings("vgg16", "digits", fine_tune=FineTuneSettings().filled())
    run_cli("train", "--config", _write(tmp_path / "filled.json", plain.to_json()))
    assert asked[1] == plain


def test_options_on_the_line_win_over_the_file(run_cli, asked, tmp_path):
    file = _write(tmp_path / "config.json", SETTINGS.to_json())
    words = ("--lr", "0.5", "--data", "mnist", "--pseudo-epochs", "9", "--label-smoothing", "0")
    assert run_cli("train", "--config", file, *words)[0] == 0
    [settings] = asked
    assert (settings.data, settings.fine_tune.lr, settings.fine_tune.unfreeze) == (
        *("mnist", 0.5, "last:2"),
    )
    assert settings.pseudo_labels == PseudoLabelSettings(epochs=9, seed=7, label_smoothing=0)


@pytest.mark.parametrize(
    ("tuning", "words", "wanted"),
    [
        ({"preset": "fast"}, ("--preset", "best"), {"preset": "best"}),
        ({"lr": 0.1}, ("--preset", "best"), {"preset": "best", "lr": 0.1}),
        ({"views": 3}, ("--no-linear-start",), {"linear_start": False, "views": 3}),
        ({"preset": "best"}, ("--weights", "random"), {"preset": "best"}),
        ({}, ("--minutes", "2"), {"minutes": 2.0}),
        ({"minutes": 2.0, "preset": "fast"}, ("--minutes", "60"), {"minutes": 60.0}),
        ({"preset": "fast"}, ("--minutes", "60"), {"minutes": 60.0, "preset": "fast"}),
        ({}, ("--labels-per-class", "5"), {}),
        ({}, ("--unfreeze", "none"), {"unfreeze": "none"}),
        ({}, ("--epochs", "0"), {"epochs": 0}),
        ({}, ("--augment", "none"), {"augment": "none"}),
        ({}, ("--cache", "none"), {"cache": "none"}),
        ({"class_weights": "balanced"}, ("--policy", "auto"), {"class_weights": "balanced"}),
        ({}, ("--head", "gap"), {}),
    ],
)
def test_what_the_start_of_a_run_decided_is_decided_anew_by_another(
    tuning, words, wanted, run_cli, asked, tmp_path
):
    tuning = FineTuneSettings(**tuning).filled({"refit": True})
    content = TrainSettings("vgg16", "digits", fine_tune=tuning, dropout=0.0).to_json()
    file = _write(tmp_path / "config.json", content)
    assert run_cli("train", "--config", file, *words)[0] == 0
    assert (asked[0].fine_tune, asked[0].dropout) == (FineTuneSettings(**wanted), None)


def test_what_a_person_wrote_into_a_file_counts_beside_other_options(run_cli, asked, tmp_path):
    text = 'backbone = "vgg16"\ndata = "digits"\n[fine_tune]\nrefit = true\n'
    file = _write(tmp_path / "a.toml", text)
    assert run_cli("train", "--config", file, "--labels-per-class", "5")[0] == 0
    assert asked[0].fine_tune == FineTuneSettings(refit=True)


TOML = """
backbone = "vgg16"
data = "digits"
label-smoothing = 0.3
pseudo_lr = 0.5
split = [0.6, 0.2, 0.2]
unlabelled = "more/"

[fine_tune]
linear_start = false
patience = 0
"""


def test_toml_has_options_flat_or_in_tables(run_cli, asked, tmp_path):
    assert run_cli("train", "--config", _write(tmp_path / "a.toml", TOML))[0] == 0
    tuning = {"linear_start": False, "label_smoothing": 0.3}
    pseudo = PseudoLabelSettings(lr=0.5, label_smoothing=0.3)
    parts = {"fine_tune": FineTuneSettings(**tuning), "pseudo_labels": pseudo}
    more = {"split": (0.6, 0.2, 0.2), "unlabelled": "more/"}
    assert asked == [TrainSettings("vgg16", "digits", **more, **parts)]


PRUNED = {"pruned_from": "runs/a", "sparsity": 0.5, "prune": {"epochs": 2}}


def test_config_of_a_pruned_run_repeats_the_training_or_the_pruning(run_cli, asked, tmp_path):
    training = TrainSettings("vgg16", "digits").to_json()
    file = _write(tmp_path / "config.json", training | PRUNED)
    status, _, error = run_cli("train", "--config", file)
    assert status == 0 and asked == [from_json(TrainSettings, training)]
    assert f"ignored in {file}: pruned_from, sparsity, prune." in error
    assert run_cli("prune", "--config", file)[0] == 0
    assert asked[1] == PruneRunSettings("runs/a", 0.5, prune=PruneSettings(epochs=2))


def test_config_of_a_distilled_run_names_the_teacher(run_cli, asked, tmp_path):
    content = {"teacher": "runs/a", "student": "mlp", "fine_tune": {"lr": 1}, "split": [0.5] * 3}
    file = _write(tmp_path / "config.json", content | {"out": None, "distill": {"epochs": 2}})
    status, _, error = run_cli("distill", "--config", file)
    assert status == 0 and "ignored" in error and error.rstrip().endswith("fine_tune, split.")
    assert asked == [DistillRunSettings("runs/a", "mlp", distill=DistillSettings(epochs=2))]


WRONG = {"backbone": "vgg16", "data": "digits"}


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ({"backbon": "vgg16"}, ("received backbon.", "Did you mean backbone?")),
        ({"fine_tune": {"lrr": 1}}, ("received fine_tune.lrr.", "Did you mean lr?")),
        ({"fine_tune": {"lr": "fast"}}, ("lr to be a number > 0; received lr='fast'",)),
        ({"fine_tune": {"lr": 0}}, ("lr to be a number > 0; received lr=0",)),
        ({"epochs": 1.5}, ("epochs to be an integer >= 0; received epochs=1.5",)),
        ({"refit": "no"}, ("refit to be true or false; received refit='no'",)),
        ({"seed": None}, ("seed to be an integer >= 0 and <= 4294967295; received seed=None",)),
        ({"head": "gat"}, ("head to be one of gated, gap", "received head='gat'")),
        ({"fine_tune": 3}, ("a table for fine_tune", "received 3")),
        ({"pseudo_labels": {"lr": 1}}, ("lr only with unlabelled images", "received lr=1")),
        ("[1]", ("a JSON object", "received list")),
        ("{", ("Expected JSON", "received something else")),
    ],
)
def test_what_is_wrong_in_a_file_is_one_line_with_file_key_and_value(
    content, parts, run_cli, asked, tmp_path
):
    content = WRONG | content if isinstance(content, dict) else content
    status, output, error = run_cli("train", "--config", _write(tmp_path / "a.json", content))
    assert (status, output, asked) == (2, "", [])
    assert error.startswith("Error: Expected ") and error.count("\n") == 1
    only_with = "pseudo_labels" in content
    for part in (*parts, *(() if only_with else (str(tmp_path / "a.json"),))):
        assert part in error


@pytest.mark.parametrize("name", ["a.json", "a.toml"])
def test_file_that_cannot_be_read_is_one_line(name, run_cli, asked, tmp_path):
    status, _, error = run_cli("train", "--config", tmp_path / name)
    assert status == 2 and f"received {tmp_path / name} (No such file" in error
    _write(tmp_path / "b.toml", "lr = ")
    status, _, error = run_cli("train", "--config", str(tmp_path / "b.toml"))
    assert status == 2 and error.startswith("Error: Expected TOML in ") and not asked


def test_required_options_may_stand_in_the_file_and_are_missed_elsewhere(run_cli, asked, tmp_path):
    file = _write(tmp_path / "a.toml", 'data = "digits"\n')
    status, _, error = run_cli("train", "--config", file)
    assert (status, asked) == (2, [])
    assert error == "Error: Expected --backbone; received none. Give it.\n"
    assert run_cli("train", "--config", file, "--backbone", "vgg16")[0] == 0
    assert asked == [TrainSettings("vgg16", "digits")]


OLD_COMPARE = {
    "data": "digits", "methods": ["scratch:cnn"], "labels_per_class": [10], "seeds": 3,
    "backbone": None, "weights": "imagenet", "head": "linear", "image_size": None,
    "baseline_size": 16, "epochs": 2, "seconds": None, "augment": "auto", "views": 4,
    "pretrain_epochs": None, "pretrain_minutes": None, "source_data": None,
    "test_pictures": 9, "seed": 0, "split": [0.8, 0.1, 0.1], "on_bad_image": "refuse",
}  # fmt: skip


def test_comparison_of_an_earlier_version_is_read_and_repeated(run_cli, monkeypatch, tmp_path):
    from tl_keras.jobs.compare import compare

    wanted = CompareSettings("digits", ("scratch:cnn",), (10,), baseline_size=16, epochs=2)
    read = from_json(CompareSettings, OLD_COMPARE)
    assert read.test_images == 9
    assert from_json(CompareSettings, OLD_COMPARE | {"test_pictures": None}) == wanted.filled()
    asked = []
    monkeypatch.setattr(compare, "compare", asked.append)
    file = _write(tmp_path / "config.json", OLD_COMPARE)
    assert run_cli("compare", "--config", file, "--seeds", "3")[0] == 0
    assert asked == [dataclasses.replace(wanted, test_images=9)]  # views and so on are left open


def test_settings_of_an_earlier_train_run_are_read(house_config):
    read = from_json(TrainSettings, house_config | {"pruned_from": "x", "prune": {}})
    assert read.fine_tune.preset == "balanced" and read.split == (0.8, 0.1, 0.1)
    written = read.to_json()  # options that were added since may stand beside those
    tuning = {name: written["fine_tune"][name] for name in house_config["fine_tune"]}
    assert {name: written[name] for name in house_config} | {"fine_tune": tuning} == house_config


@pytest.fixture
def house_config():
    """The config.json of a run of an earlier version, its keys in another order."""
    tuning = {
        "freeze_epochs": 0, "epochs": 16, "unfreeze": "half", "optimizer": "adam", "lr": None,
        "backbone_lr_factor": 1.0, "depth_decay": 1.0, "schedule": "cosine", "weight_decay": 0.05,
        "label_smoothing": 0.0, "mixup": 0.0, "cutmix": None, "batch_size": None,
        "augment": "digits", "cache": "auto", "cache_dtype": None, "cache_gb": None, "views": 8,
        "batch_norm": "frozen", "patience": None, "seed": 0, "class_weights": "none",
        "objective": "plain", "l2_sp_weight": None, "l2_sp_head_weight": None,
        "source_weight": None, "linear_start": True, "preset": "balanced", "refit": True,
        "minutes": None,
    }  # fmt: skip
    return {
        "backbone": "vgg16", "data": "digits", "weights": "imagenet", "head": "linear",
        "hidden_units": None, "dropout": 0.0, "image_size": None, "labels_per_class": None,
        "source_data": None, "unlabelled": None, "split": (0.8, 0.1, 0.1),
        "on_bad_image": "refuse", "on_duplicate": "report", "test_time_flips": None,
        "out": "runs/x", "fine_tune": tuning, "pseudo_labels": None,
    }  # fmt: skip


def test_every_command_repeats_its_settings_from_json():
    for settings in (
        PretrainSettings("vae", "digits", hidden_units=(9, 8), beta=2.0),
        PruneRunSettings("runs/x", 0.5),
    ):
        content = json.loads(json.dumps(settings.to_json()))
        assert from_json(type(settings), content) == settings
