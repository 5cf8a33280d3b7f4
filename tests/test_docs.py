"""Commands, names and links in the documentation exist; `make docs-test` runs all blocks."""

import ast
import re
import shlex
from pathlib import Path

import pytest

import tl_keras
from tl_keras import cli
from tl_keras.checks import InputError

ROOT = Path(tl_keras.__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "data" / "README.md"]
WRITTEN = [*PAGES, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs" / "commands").glob("*.md"))]
SHELL, PYTHON = (
    re.compile(rf"^```{kind}\n(.*?)^```", re.MULTILINE | re.DOTALL) for kind in ("shell", "python")
)
LINK = re.compile(r"\]\(([^)#\s]*)#?([^)\s]*)\)")


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


def _blocks(page):
    return PYTHON.findall(page.read_text(encoding="utf-8"))


BLOCKS = [(page.name, block) for page in PAGES for block in _blocks(page)]


@pytest.mark.parametrize(("page", "block"), BLOCKS, ids=[name for name, _ in BLOCKS])
def test_python_blocks_import_public_names(page, block):
    imports = [node for node in ast.walk(ast.parse(block)) if isinstance(node, ast.ImportFrom)]
    ours = [alias.name for node in imports if node.module == "tl_keras" for alias in node.names]
    assert ours and set(ours) <= set(tl_keras.__all__)


def _anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_links_lead_to_files_and_headings(page):
    for target, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        if target.startswith("http"):
            continue
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), target
        assert not anchor or anchor in _anchors(file), f"{target}#{anchor}"


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150
