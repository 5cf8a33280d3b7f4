"""All that commands ask of a label-free method follows from its row."""

import dataclasses
import typing

import pytest

from tl_keras.checks import InputError
from tl_keras.settings import compare, label_free, methods
from tl_keras.settings.commands import COMMANDS, pages
from tl_keras.settings.options.declaration import choices_of, options_of

OPTIONS = options_of(label_free.PretrainSettings)


def test_every_option_of_a_row_is_one_of_pretrain():
    for row in methods.METHODS.values():
        assert set(row.model_options + row.family.job_options) <= set(OPTIONS), row.name


def test_choices_and_names_of_compare_are_the_rows():
    assert choices_of(OPTIONS["method"].kind) == tuple(methods.METHODS)
    without = [name for name, row in methods.METHODS.items() if not row.needs_labels]
    assert list(compare.PRETRAININGS) == without
    assert ", ".join(without) in options_of(compare.CompareSettings)["methods"].help


@pytest.mark.parametrize(
    ("option", "start"),
    [
        ("noise", "autoencoder: share of"),
        ("temperature", "simclr, supcon: a lower"),
        ("width", "gan, two views, episodes: channels"),
        ("latent_dim", "autoencoder, vae, gan: dimensions"),
        ("seed", "Seed of"),
    ],
)
def test_the_help_of_an_option_names_the_methods_that_have_it(option, start):
    assert OPTIONS[option].help.startswith(start)


def test_an_option_of_another_method_is_refused():
    for option, value in (("noise", 0.5), ("temperature", 0.5), ("backbone", "vgg16")):
        owners = methods.methods_with(option)
        other = next(name for name in methods.METHODS if name not in owners)
        with pytest.raises(InputError, match=f"only with method {' or '.join(owners)};"):
            label_free.PretrainSettings(other, "digits", **{option: value})


def test_a_new_row_shows_in_help_tables_and_refusals(monkeypatch):
    row = dataclasses.replace(methods.METHODS["simclr"], name="mine", task="to do as I say")
    monkeypatch.setitem(methods.METHODS, "mine", row)

    @dataclasses.dataclass(frozen=True)
    class Settings(label_free.PretrainSettings):
        method: typing.Annotated[typing.Literal[tuple(methods.METHODS)], label_free.FIRST]
        """Task that is learned."""

    assert Settings("mine", "digits", temperature=0.5).model_options == {"temperature": 0.5}
    command = COMMANDS["pretrain"]._replace(settings=Settings)
    page = pages({"pretrain": command})["pretrain.md"]
    assert "mine: to do as I say." in page
    assert "simclr, supcon, mine: a lower one" in page
    with pytest.raises(InputError, match="noise only with method autoencoder"):
        Settings("mine", "digits", noise=0.5)
