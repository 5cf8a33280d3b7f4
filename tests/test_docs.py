"""Command lines of the README and the guides are ones that the command takes."""

import re
import shlex
from pathlib import Path

import pytest

import tl_keras
from tl_keras import cli
from tl_keras.checks import InputError

ROOT = Path(tl_keras.__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("how-to-*.md"))]
SHELL = re.compile(r"^```shell\n(.*?)^```", re.MULTILINE | re.DOTALL)


def _commands(page):
    """Returns the words of each `tl-keras` line in the shell blocks of a page."""
    blocks = SHELL.findall(page.read_text(encoding="utf-8"))
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("tl-keras ")]


COMMANDS = [words for page in PAGES for words in _commands(page)]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_command_lines_of_the_pages_reach_their_jobs(words, asked):
    with pytest.raises(SystemExit) as ended:
        cli.app(words)
    assert not ended.value.code and len(asked) == 1


def test_pages_have_command_lines_and_wrong_ones_are_found(asked):
    assert len(COMMANDS) > 20
    with pytest.raises((InputError, cli.CycloptsError)):
        cli.app(["train", "--backbone", "vgg16", "--data", "digits", "--epoch", "3"])
    assert not asked
