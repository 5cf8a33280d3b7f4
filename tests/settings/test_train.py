"""The configuration of a training run: what it refuses, and that JSON keeps it."""

import dataclasses
import json

import pytest

from tl_keras.checks import InputError
from tl_keras.data.pipelines.augmentation_presets import AUGMENTATIONS
from tl_keras.settings.fine_tune import FROM_LINEAR, PRETRAINED, FineTuneSettings, parse_unfreeze
from tl_keras.settings.options.declaration import choices_of, options_of
from tl_keras.settings.train import TrainSettings
from tl_keras.settings.whole_model import DistillSettings, PseudoLabelSettings


def _received(argument, value, wanted):
    return ({argument: value}, f"{argument} to be {wanted}", f"received {argument}={value!r}")


RUN = [
    _received("on_bad_image", "skipp", "one of skip, refuse"),
    ({"head": "gap", "hidden_units": 0}, "hidden_units to be an integer >= 1", "hidden_units=0"),
    ({"head": "gap", "hidden_units": 1.5}, "hidden_units to be an integer >= 1", "=1.5"),
    _received("dropout", 0.96, "a number >= 0 and <= 0.95"),
    _received("dropout", float("nan"), "a number >= 0 and <= 0.95"),
    _received("image_size", 0, "an integer >= 1"),
    _received("labels_per_class", -1, "an integer >= 1"),
    *(
        ({"split": split}, "split to be three fractions above 0", f"received {split}")
        for split in [(0.5, 0.5), (0.8, 0.1, 0.2), (1.0, 0.0, 0.0), (1.2, -0.1, -0.1), ()]
    ),
    ({"split": (0.5, float("nan"), 0.5)}, "three fractions above 0", "nan"),
]
TUNING = [
    _received("optimizer", "adma", "one of adam"),
    _received("schedule", "cosin", "one of cosine"),
    _received("cache", "disc", "one of disk"),
    _received("cache_dtype", "float23", "one of float"),
    _received("batch_norm", "freeze", "one of frozen"),
    _received("freeze_epochs", -1, "an integer >= 0"),
    _received("epochs", 2.5, "an integer >= 0"),
    _received("seed", -1, "an integer >= 0"),
    _received("batch_size", 0, "an integer >= 1"),
    _received("lr", 0, "a number > 0"),
    _received("lr", float("inf"), "a number > 0"),
    _received("backbone_lr_factor", 1.1, "a number <= 1 and > 0"),
    _received("depth_decay", 0, "a number <= 1 and > 0"),
    _received("weight_decay", -0.1, "a number >= 0"),
    _received("label_smoothing", 1, "a number >= 0 and <= 0.9"),
    _received("views", 0, "an integer >= 1"),
    _received("patience", -1, "an integer >= 0"),
    _received("objective", "joined", "one of joint"),
    ({"objective": "l2-sp", "l2_sp_weight": -1.0}, "l2_sp_weight to be a number >= 0", "=-1.0"),
    ({"l2_sp_head_weight": 0.1}, "l2_sp_head_weight only with objective='l2-sp'", "'plain'"),
    ({"objective": "l2-sp", "source_weight": 1}, "source_weight only with objective='joint'", "=1"),
    *(
        _received("unfreeze", value, "'half', 'all', 'none', 'last:N'")
        for value in ("last:", "last:0", "last:-1", "last:x", "from:", "most", "half:2")
    ),
]


IDLE = [
    ({"unfreeze": "none", "backbone_lr_factor": 0.3}, "unfreeze='none'"),
    ({"unfreeze": "none", "depth_decay": 1.0}, "unfreeze='none'"),
    ({"unfreeze": "none", "batch_norm": "frozen"}, "unfreeze='none'"),
    ({"unfreeze": "none", "objective": "l2-sp", "l2_sp_weight": 0.1}, "unfreeze='none'"),
    ({"mixup": 0.0, "cutmix": 0.5}, "mixup=0"),
    ({"augment": "none", "views": 2}, "augment='none'"),
    ({"cache": "none", "views": 2}, "cache='none'"),
    ({"cache": "none", "cache_dtype": "float32"}, "cache='none'"),
]


def _check(build, parts):
    with pytest.raises(InputError) as refused:
        build()
    message = str(refused.value)
    assert message.startswith("Expected ")
    assert "\n" not in message
    for part in parts:
        assert part in message.replace("(N layers) ", "")


def test_augmentations_and_parts_that_unfreeze_are_choices_of_the_options():
    options = options_of(TrainSettings)
    assert choices_of(options["augment"].kind) == ("auto", *AUGMENTATIONS)
    assert choices_of(options["unfreeze"].kind) == ("half", "all", "none")
    assert FineTuneSettings(unfreeze="last:3").unfreeze == "last:3"
    _check(lambda: FineTuneSettings(augment="blur"), ("augment to be one of", "augment='blur'"))
    _check(lambda: PseudoLabelSettings(strong_augment="x"), ("strong_augment to be one of",))


@pytest.mark.parametrize(("changes", "wanted", "received"), RUN)
def test_bad_value_of_the_run_is_refused(changes, wanted, received):
    _check(lambda: TrainSettings("vgg16", "digits", **changes), (wanted, received))


@pytest.mark.parametrize(("changes", "wanted", "received"), TUNING)
def test_bad_value_of_the_tuning_is_refused(changes, wanted, received):
    _check(lambda: FineTuneSettings(**changes), (wanted, received))


@pytest.mark.parametrize(("settings", "reason"), IDLE)
def test_option_without_effect_is_refused_though_it_is_the_default(settings, reason):
    *others, option = settings
    received = f"received {option}={settings[option]!r}"
    _check(lambda: FineTuneSettings(**settings), (f"no {option} where", reason, received))
    rest = FineTuneSettings(**{name: settings[name] for name in others})
    rest.filled({"linear_start": False}).filled()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hidden_units": 1024}, "with head='linear'; received hidden_units=1024"),
        (
            {"dropout": 0.5, "fine_tune": FineTuneSettings(preset="fast")},
            "no dropout with preset='fast', which trains by no steps; received dropout=0.5",
        ),
        ({"pseudo_labels": PseudoLabelSettings()}, "with unlabelled=None; received pseudo_labels="),
        (
            {"unlabelled": "x", "fine_tune": FineTuneSettings(class_weights="balanced")},
            "as it would have no effect in its phase; received class_weights='balanced'",
        ),
        (
            {"unlabelled": "x", "fine_tune": FineTuneSettings(minutes=3)},
            "no minutes with unlabelled, as it would not bound its phase; received minutes=3",
        ),
    ],
)
def test_option_of_the_run_without_effect_is_refused(settings, message):
    _check(lambda: TrainSettings("vgg16", "digits", **settings), (message,))


def test_views_without_augmentation_are_refused_in_distillation():
    _check(lambda: DistillSettings(augment="none", views=2), ("no views where", "augment='none'"))


@pytest.mark.parametrize(
    ("objective", "source", "wanted", "received"),
    [
        ("joint", None, "labelled source images with objective='joint'", "no source_data"),
        ("l2-sp", "mnist", "no source_data with objective='l2-sp'", "received source_data"),
    ],
)
def test_source_data_are_there_for_joint_and_for_nothing_else(objective, source, wanted, received):
    tuning = FineTuneSettings(objective=objective)
    _check(
        lambda: TrainSettings("vgg16", "digits", source_data=source, fine_tune=tuning),
        (wanted, received, "Only objective='joint' trains on a source"),
    )


def test_seed_that_numpy_does_not_take_is_refused():
    _check(
        lambda: TrainSettings("vgg16", "digits", fine_tune=FineTuneSettings(seed=2**32)),
        ("seed to be an integer >= 0 and <= 4294967295", "received seed=4294967296"),
    )


def test_seed_of_the_run_is_that_of_the_tuning():
    assert TrainSettings("vgg16", "digits", fine_tune=FineTuneSettings(seed=7)).seed == 7


def test_settings_cannot_be_changed_after_the_check():
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainSettings("vgg16", "digits").dropout = 7


def test_json_brings_back_the_same_configuration():
    config = TrainSettings(
        "vgg16",
        "digits",
        image_size=48,
        split=(0.6, 0.2, 0.2),
        unlabelled="more/",
        fine_tune=FineTuneSettings(lr=3e-4, unfreeze="last:2", patience=None),
    )
    read = json.loads(json.dumps(config.to_json()))
    parts = {
        "fine_tune": FineTuneSettings(**read.pop("fine_tune")),
        "pseudo_labels": PseudoLabelSettings(**read.pop("pseudo_labels")),
    }
    read["split"] = tuple(read["split"])
    assert TrainSettings(**read, **parts) == config


def test_what_was_not_asked_for_suits_the_start_or_has_its_default():
    linear = FineTuneSettings().filled()
    assert linear.linear_start and linear.preset == "balanced"
    assert {name: getattr(linear, name) for name in FROM_LINEAR} == FROM_LINEAR
    assert FineTuneSettings(preset="fast").filled().epochs == 0
    defaults = FineTuneSettings(linear_start=False).filled()
    assert defaults == FineTuneSettings(freeze_epochs=3).filled()
    assert not FineTuneSettings(freeze_epochs=0).filled().linear_start
    assert (defaults.freeze_epochs, defaults.unfreeze, defaults.batch_norm) == (3, "half", "frozen")
    assert (defaults.backbone_lr_factor, defaults.label_smoothing) == (0.3, 0.1)
    assert FineTuneSettings().filled({"unfreeze": "all"}).unfreeze == "all"


@pytest.mark.parametrize("alone", [{"preset": "fast"}, {"epochs": 0}, {"unfreeze": "none"}])
def test_a_linear_start_alone_has_neither_an_objective_nor_a_type_of_cached_features(alone):
    with pytest.raises(InputError, match="no objective with .*; received objective='l2-sp'"):
        FineTuneSettings(**alone, objective="l2-sp").filled()
    with pytest.raises(InputError, match="no cache_dtype where it has no effect"):
        FineTuneSettings(**alone, cache_dtype="float16").filled()
    FineTuneSettings(**alone).filled().filled()


@pytest.mark.parametrize("asked", [{"linear_start": True}, {"preset": "best"}])
def test_a_head_with_other_layers_has_no_linear_start(asked):
    with pytest.raises(InputError, match="only with head='linear'; received .* with head='gap'"):
        TrainSettings("vgg16", "digits", head="gap", fine_tune=FineTuneSettings(**asked))


@pytest.mark.parametrize(("name", "value"), PRETRAINED.items())
def test_what_was_asked_for_counts_though_it_equals_the_default(name, value):
    other = {"unfreeze": "all", "batch_norm": "train", "cache_dtype": "float16"}.get(name, 0)
    assert getattr(FineTuneSettings(**{name: value}).filled({name: other}), name) == value


@pytest.mark.parametrize(
    ("setting", "parsed"),
    [
        ("half", ("half", None)),
        ("all", ("all", None)),
        ("none", ("none", None)),
        ("last:3", ("last", 3)),
        ("from:block5_conv1", ("from", "block5_conv1")),
    ],
)
def test_unfreeze_settings_are_taken_apart(setting, parsed):
    assert parse_unfreeze(setting) == parsed
