"""One declaration an option: what a field says is checked, shown, saved and documented."""

import dataclasses
import inspect
import json
from pathlib import Path
from typing import Annotated, Literal, get_args

import cyclopts
import pytest

import tl_keras
from tl_keras import cli
from tl_keras.checks import InputError
from tl_keras.settings.commands import COMMANDS, pages
from tl_keras.settings.methods import METHODS
from tl_keras.settings.options import declaration
from tl_keras.settings.options.config_files import from_json
from tl_keras.settings.options.declaration import MODEL, PANELS, Bounds, Checked, options_of
from tl_keras.settings.options.signatures import shows_settings
from tl_keras.settings.train import TrainSettings

PAGES = Path(tl_keras.__file__).parents[1] / "docs" / "commands"


@dataclasses.dataclass(frozen=True)
class Sharper(TrainSettings):
    """Trains on sharper images.

    This is what an addition costs: one field.
    """

    sharpness: Annotated[float, MODEL, Bounds(minimum=0, maximum=1)] = 0.25
    """Sharpness of the images.

    Further facts."""
    kernel: Annotated[Literal["box", "disc"], MODEL] = "box"
    """Kernel of it."""


@dataclasses.dataclass(frozen=True)
class Bare(Checked):
    """Has a field without a docstring before one with a text as its default."""

    first: int = 1
    second: str = "a default, no docstring"
    """Second field."""


def test_a_default_is_not_taken_for_the_docstring_of_the_field_before_it():
    assert [option.text for option in options_of(Bare).values()] == ["", "Second field."]


def _help(command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    app = cyclopts.App(help_format="plaintext")
    cli.add_command(app, "sharper", command)
    with pytest.raises(SystemExit):
        app(["sharper", "--help"])
    return capsys.readouterr().out


def test_field_that_is_added_is_in_help_json_signature_docs_and_is_checked(capsys, monkeypatch):
    command = COMMANDS["train"]._replace(settings=Sharper)
    shown = _help(command, capsys, monkeypatch)
    [line] = [line for line in shown.splitlines() if "--sharpness" in line]
    assert "FLOAT" in line and "Sharpness of the images. [default: 0.25]" in line
    assert shown.index("─ Model ─") < shown.index("--sharpness") < shown.index("─ Fine-tuning ─")
    assert "[choices: box, disc]" in shown
    settings = Sharper("vgg16", "digits", sharpness=0.75)
    written = json.loads(json.dumps(settings.to_json()))
    assert written["sharpness"] == 0.75 and from_json(Sharper, written) == settings

    @shows_settings(Sharper)
    def sharpen(model, **settings):
        """Sharpens."""

    parameter = inspect.signature(sharpen).parameters["sharpness"]
    assert (parameter.default, parameter.annotation) == (0.25, float)
    assert "    sharpness: Sharpness of the images. Further facts." in sharpen.__doc__
    row = "| `--sharpness` | a number >= 0 and <= 1 | 0.25 | Sharpness of the images. Further"
    assert row in pages({"sharper": command})["sharper.md"]
    with pytest.raises(InputError, match="sharpness to be a number >= 0 and <= 1; received"):
        Sharper("vgg16", "digits", sharpness=2)
    with pytest.raises(InputError, match="kernel to be one of disc, box; received kernel='disk'"):
        Sharper("vgg16", "digits", kernel="disk")


def test_documented_options_are_those_of_the_settings():
    there = {path.name: path.read_text(encoding="utf-8") for path in PAGES.iterdir()}
    assert there == pages(COMMANDS), "run make docs"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_help_a_panel_and_a_place_of_its_own(name):
    options = options_of(COMMANDS[name].settings).values()
    for option in options:
        assert option.help.endswith("."), f"{option.name} has no sentence below it"
        assert option.positional or option.panel in PANELS
    assert sum(option.panel == declaration.FIRST for option in options) <= 12


FUNCTIONS = {
    "fine_tune": {"mixup", "lr", "linear_start", "refit", "objective"},
    "fit_from_scratch": {"epochs", "patience"},
    "fit_without_labels": {"epsilon", "epochs"},
    "fit_with_pseudo_labels": {"confidence", "strong_augment"},
    "distill": {"temperature", "answers"},
    "prune": {"scope", "also", "sparsity"},
    "compare": {"methods", "seeds", "source_data"},
    "lr_find": {"lowest", "steps", "unfreeze"},
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_signature_shows_every_setting_and_unknown_ones_are_refused(name):
    function = getattr(tl_keras, name)
    parameters = inspect.signature(function).parameters
    assert set(parameters) >= FUNCTIONS[name]
    assert "settings" not in parameters
    near = max(FUNCTIONS[name], key=len)
    with pytest.raises(TypeError, match=f"received {near}_. Did you mean {near}?"):
        function(None, None, **{near + "_": 1})
    assert issubclass(InputError, ValueError)


def test_signature_has_defaults_and_annotations_of_the_settings():
    parameters = inspect.signature(tl_keras.fine_tune).parameters
    assert parameters["optimizer"].default == "adam"
    assert get_args(parameters["optimizer"].annotation) == ("adam", "sgd", "rmsprop")
    assert (parameters["lr"].default, parameters["lr"].annotation) == (None, float | None)
    assert list(parameters)[:3] == ["model", "train", "val"]


@dataclasses.dataclass(frozen=True)
class _Kinds(Checked):
    words: tuple[str, ...] = ()
    flag: bool | None = None
    count: int | Literal["auto"] = "auto"
    path: str | None = None


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("flag", "yes", "flag to be true or false; received flag='yes'"),
        ("count", 1.5, "count to be an integer or auto; received count=1.5"),
        ("path", 3, "path to be a text; received path=3"),
        ("words", {"a": 1}, "words to be a list, each a text; received"),
        ("words", [1], "words to be a text; received words=1"),
    ],
)
def test_value_of_another_type_is_refused(name, value, wanted):
    with pytest.raises(InputError, match=f"Expected {wanted}"):
        _Kinds(**{name: value})


def test_values_are_brought_into_the_declared_type():
    settings = _Kinds(words=["a", "b"], path=Path("x"))
    assert settings == _Kinds(("a", "b"), None, "auto", "x")


def test_tables_of_the_jobs_have_the_declared_choices():
    from tl_keras.evaluation.samples.outliers import SCORES
    from tl_keras.jobs.finished.distill import STUDENTS
    from tl_keras.jobs.finished.export import FORMATS
    from tl_keras.models.heads import _POOLINGS

    choices = {
        (name, option.name): declaration.choices_of(option.kind)
        for name, command in COMMANDS.items()
        for option in options_of(command.settings).values()
    }
    assert set(choices["outliers", "score"]) == set(SCORES)
    assert set(choices["distill", "student"]) == set(STUDENTS)
    assert set(choices["export", "format"]) == set(FORMATS)
    assert choices["pretrain", "method"] == tuple(METHODS)
    assert set(choices["train", "head"]) == set(_POOLINGS)


@pytest.mark.parametrize("name", COMMANDS)
def test_no_number_or_text_of_an_option_is_beyond_all_measure(name):
    """Twenty nines overflow the integers of TensorFlow; an empty path means nothing."""
    for option in options_of(COMMANDS[name].settings).values():
        kinds = (option.kind, *get_args(option.kind))
        if int in kinds:
            with pytest.raises(InputError, match=f"Expected {option.name} to be an integer"):
                option.check(10**20)
        if str in kinds:
            for text in ("", "a\0b"):
                with pytest.raises(InputError, match=f"{option.name} to be a text.*; received "):
                    option.check(text)
