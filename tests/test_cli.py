"""The command line without a job: its options, its refusals, its exit status."""

import re
import resource
import signal

import pytest

from tl_keras import cli
from tl_keras.checks import InputError
from tl_keras.settings.fine_tune import FineTuneSettings
from tl_keras.settings.train import TrainSettings
from tl_keras.settings.whole_model import PseudoLabelSettings

pytestmark = pytest.mark.usefixtures("signal_handlers")
TRAIN = ("train", "--backbone", "vgg16", "--data", "digits")
OPTIONS = [
    *("--backbone", "--data", "--weights", "--head", "--image-size", "--freeze-epochs"),
    *("--epochs", "--unfreeze", "--optimizer", "--lr", "--batch-size", "--labels-per-class"),
    *("--augment", "--cache", "--seed", "--out", "--objective", "--source-data"),
]


def test_help_of_train_lists_every_option(run_cli, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    words = run_cli("train", "--help")[1].replace("│", " ").split()
    assert [option for option in OPTIONS if option not in words] == []


def test_help_of_the_learning_rate_says_that_the_images_decide(run_cli, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    shown = " ".join(run_cli("train", "--help")[1].replace("│", " ").split())
    assert "[default: by the number of images from a linear start, else 0.001" in shown


def test_help_lists_every_command(run_cli):
    shown = run_cli("--help")[1]
    for name in (
        "train",
        "evaluate",
        "predict",
        "export",
        "backbones",
        "lr-find",
        "distill",
        "prune",
        "compare",
        "pretrain",
        "generate",
        "outliers",
    ):
        assert name in shown


def test_defaults_of_the_command_are_those_of_the_configuration(run_cli, asked):
    assert run_cli(*TRAIN)[0] == 0
    assert asked == [TrainSettings("vgg16", "digits")]


OBJECTIVES = [
    ({}, {"objective": "l2-sp", "l2_sp_weight": 0.5, "l2_sp_head_weight": 0.25}),
    ({"source_data": "mnist"}, {"objective": "joint", "source_weight": 0.5}),
]


# Without epochs of the head alone, and without pseudo-labels.
LINEAR = {
    "linear_start": True, "preset": "best", "class_weights": "balanced", "refit": False,
    "minutes": 2.5,
}  # fmt: skip


def test_options_of_a_linear_start_reach_their_settings(run_cli, asked):
    words = ("--linear-start", "--preset", "best", "--class-weights", "balanced")
    assert run_cli(*TRAIN, *words, "--no-refit", "--minutes", "2.5")[0] == 0
    assert run_cli(*TRAIN, "--no-linear-start")[0] == 0
    wanted = [FineTuneSettings(**LINEAR), FineTuneSettings(linear_start=False)]
    assert [config.fine_tune for config in asked] == wanted


@pytest.mark.parametrize(("of_run", "objective"), OBJECTIVES, ids=["l2-sp", "joint"])
def test_options_reach_their_settings(of_run, objective, run_cli, asked):
    values = of_run | {
        "weights": "random", "head": "gated", "hidden_units": 7, "dropout": 0.1, "image_size": 48,
        "labels_per_class": 5, "on_bad_image": "skip", "on_duplicate": "refuse", "out": "runs/x",
        "unlabelled": "rest",
    }  # fmt: skip
    tuning = {
        "freeze_epochs": 3, "epochs": 4, "unfreeze": "last:2", "optimizer": "sgd", "lr": 0.02,
        "backbone_lr_factor": 0.5, "depth_decay": 0.25, "schedule": "constant",
        "weight_decay": 0.01, "label_smoothing": 0.2, "mixup": 0.3, "cutmix": 0.2,
        "batch_size": 9, "augment": "flip",
        "cache": "disk", "cache_dtype": "float16", "cache_gb": 1.5, "views": 3,
        "batch_norm": "train", "patience": 2, "seed": 5,
    } | objective  # fmt: skip
    pseudo = {"confidence": 0.9, "unlabelled_weight": 0.5, "unlabelled_ratio": 3}
    own = {"pseudo_epochs": 6, "pseudo_lr": 0.03} | pseudo
    options = [f"--{k.replace('_', '-')}={v}" for k, v in (values | tuning | own).items()]
    shared = (
        *("optimizer", "schedule", "weight_decay", "label_smoothing", "batch_size", "augment"),
        *("backbone_lr_factor", "depth_decay", "patience", "seed"),
    )
    pseudo |= {"epochs": 6, "lr": 0.03} | {name: tuning[name] for name in shared}
    assert run_cli(*TRAIN, *options, "--split", "0.6,0.2,0.2")[0] == 0
    wanted = TrainSettings(
        "vgg16",
        "digits",
        split=(0.6, 0.2, 0.2),
        fine_tune=FineTuneSettings(**tuning),
        pseudo_labels=PseudoLabelSettings(**pseudo),
        **values,
    )
    assert asked == [wanted]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [((), None), (("--test-time-flips",), True), (("--no-test-time-flips",), False)],
)
def test_flips_are_decided_by_the_data_unless_asked(words, wanted, run_cli, asked):
    run_cli(*TRAIN, *words)
    assert asked[0].test_time_flips is wanted


@pytest.mark.parametrize(("words", "unfreeze"), [((), None), (("--unfreeze", "half"), "half")])
def test_what_is_given_is_told_from_what_is_not(words, unfreeze, run_cli, asked):
    run_cli(*TRAIN, *words)
    assert asked[0].fine_tune.unfreeze == unfreeze


def test_options_of_all_phases_reach_the_pseudo_labels_only_if_they_are_given(run_cli, asked):
    run_cli(*TRAIN, "--unlabelled", "more/")
    assert asked[0].pseudo_labels == PseudoLabelSettings()
    run_cli(*TRAIN, "--unlabelled", "more/", "--weight-decay", "0.05")
    assert asked[1].pseudo_labels == PseudoLabelSettings(weight_decay=0.05)


def test_patience_of_zero_means_never(run_cli, asked):
    run_cli(*TRAIN, "--patience", "0")
    assert asked[0].fine_tune.patience is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--lr", "0"), "Expected lr to be a number > 0; received lr=0.0."),
        (("--lr", "nan"), "Expected lr to be a number > 0; received lr=nan."),
        (("--batch-size", "0"), "Expected batch_size to be an integer >= 1; received"),
        (("--epochs", "-1"), "Expected epochs to be an integer >= 0; received epochs=-1."),
        (("--unfreeze", "top"), "Expected unfreeze to be 'half', 'all', 'none', 'last:N'"),
        (("--optimizer", "adma"), "Expected optimizer to be one of adam"),
        (("--split", "a,b"), "Expected split to be three fractions above 0"),
        (("--split", "0.5,0.5"), "Expected split to be three fractions above 0"),
        (("--seed", "4294967296"), "Expected seed to be an integer"),
        (("--on-bad-image", "drop"), "Expected on_bad_image to be one of"),
        (("--on-duplicate", "drop"), "Expected on_duplicate to be one of"),
        (("--cache", "ram"), "Expected cache to be one of"),
        (("--image-size", "0"), "Expected image_size to be an integer >= 1"),
        (("--image-size", "100000"), "Expected image_size to be an integer >= 1 and <= 30000;"),
        (
            ("--batch-size", "9" * 20),
            "Expected batch_size to be an integer of at most 2,147,483,647",
        ),
        (("--epochs", "9" * 5000), "Expected epochs to be an integer"),
        (
            ("--head", "gap", "--hidden-units", "2000000000"),
            "Expected hidden_units to be an integer",
        ),
        (("--out", ""), "Expected out to be a text; received an empty one. Leave out out, or give"),
        (("--weights", ""), "Expected weights to be a text; received an empty one. Leave weights"),
        (("--objective", "l2sp"), "Expected objective to be one of l2-sp"),
        (("--objective", "joint"), "Expected labelled source images with objective='joint'"),
        (("--source-data", "mnist"), "Expected no source_data with objective='plain'"),
        (("--source-weight", "2"), "Expected source_weight only with objective='joint'"),
        (("--objective", "l2-sp", "--l2-sp-weight", "-1"), "Expected l2_sp_weight to be a number"),
        (("--patience", "-1"), "Expected patience to be an integer >= 0"),
        (("--hidden-units", "1024"), "Expected no hidden_units where it has no effect, with head"),
        (("--confidence", "0.95"), "Expected confidence only with unlabelled images; received"),
        (("--pseudo-epochs", "10"), "Expected pseudo_epochs only with unlabelled images; recei"),
        (("--pseudo-lr", "0.001"), "Expected pseudo_lr only with unlabelled images; received"),
        (("--unlabelled-ratio", "7"), "Expected unlabelled_ratio only with unlabelled images;"),
        (("--unlabelled-weight", "1"), "Expected unlabelled_weight only with unlabelled images"),
        (("--unfreeze", "none", "--batch-norm", "frozen"), "Expected no batch_norm where it has"),
        (("--mixup", "0", "--cutmix", "0.5"), "Expected no cutmix where it has no effect, with m"),
        (("--cache", "none", "--cache-dtype", "float32"), "Expected no cache_dtype where it has n"),
    ],
)
def test_wrong_value_is_one_line_and_status_2(words, message, run_cli, asked):
    status, output, error = run_cli(*TRAIN, *words)
    assert (status, output, asked) == (2, "", [])
    assert error.startswith(f"Error: {message}")
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "words", [("--epochs", "many"), ("--no-such-option",), ("--lr",), ("surplus",)]
)
def test_words_that_cannot_be_parsed_are_status_2_without_traceback(words, run_cli, asked):
    status, _, error = run_cli(*TRAIN, *words)
    assert (status, asked) == (2, [])
    assert words[0].lstrip("-") in error
    assert "Traceback" not in error


def test_message_of_several_lines_is_printed_as_one(run_cli, monkeypatch):
    def fail(_):
        raise InputError("first\n  second")

    monkeypatch.setattr(cli, "app", fail)
    assert run_cli() == (2, "", "Error: first second\n")


def test_bug_keeps_its_traceback(monkeypatch):
    def fail(_):
        raise KeyError("a bug")

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(KeyError):
        cli.main()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_ends_with_its_status(number, status, run_cli, monkeypatch):
    monkeypatch.setattr(cli, "app", lambda _: signal.raise_signal(number))
    assert run_cli() == (status, "", "")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_inside_a_command_is_not_swallowed_by_the_parser(
    number, status, run_cli, monkeypatch
):
    from tl_keras.jobs.train import train

    monkeypatch.setattr(train, "train", lambda _: signal.raise_signal(number))
    assert run_cli(*TRAIN)[0] == status


def test_backbones_are_listed_one_a_line(run_cli):
    status, output, _ = run_cli("backbones")
    assert status == 0
    assert {"vgg16", "resnet50", "mobilenet_v2"} <= set(output.splitlines())


def test_completion_for_a_shell_is_written(run_cli, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    script = tmp_path / "completion"
    words = ("--shell", "bash", "--output", script)
    assert run_cli("--install-completion", *words)[0] == 0
    text = script.read_text(encoding="utf-8")
    assert "--labels-per-class" in text and "lr-find" in text


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("train", "--epoch", "3"), "Unknown option: --epoch. Did you mean --epochs?"),
        (("trian",), 'Unknown command "trian". Did you mean "train"?'),
    ],
)
def test_wrong_name_is_one_line_with_the_nearest(words, hint, run_cli):
    status, output, error = run_cli(*words)
    assert (status, output) == (2, "")
    assert error.startswith(f"Error: {hint}") and error.count("\n") == 1


def test_option_that_is_given_twice_has_its_last_value(run_cli, asked):
    assert run_cli(*TRAIN, "--lr", "1", "--lr", "0.5", "--refit", "--no-refit")[0] == 0
    assert (asked[0].fine_tune.lr, asked[0].fine_tune.refit) == (0.5, False)


class ResourceExhaustedError(Exception):
    """Has the name of TensorFlow's."""


@pytest.mark.parametrize(
    "error", [MemoryError(), ResourceExhaustedError("OOM"), OSError(12, "Cannot allocate memory")]
)
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("predict", "run", "a.jpg"),
            "with batches of 32 images; .* Give --batch-size 16,",
        ),
        (("evaluate", "run", "--batch-size", "9"), "batches of 9 images; .* --batch-size 4, or a"),
        ((*TRAIN, "--batch-size", "1"), "with batches of 1 images; .* Give --batch-size 1,"),
        (TRAIN, "this command; received out of memory. Give a small --batch-size such as 8"),
        (("export", "run"), "this command; received out of memory. Free some memory"),
    ],
)
@pytest.mark.fault(41)
def test_memory_that_runs_out_is_one_line(error, words, message, run_cli, monkeypatch):
    def job(_):
        raise error

    monkeypatch.setattr(cli, "load", lambda module, name: job)
    status, _, said = run_cli(*words)
    assert (status, said.count("\n")) == (2, 1)
    assert re.match(f"Error: Expected memory enough for (.* )?{message}", said), said


@pytest.mark.fault(41)
def test_limit_under_which_tensorflow_crashes_is_refused(run_cli, asked, monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (2**30, 2**30))
    status, _, error = run_cli("predict", "run", "a.jpg")
    assert (status, asked, error.count("\n")) == (2, [], 1)
    assert "at least 3 GiB, which TensorFlow maps; received 1.0 GiB. Raise it" in error
