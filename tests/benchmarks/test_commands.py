"""Each command that names a benchmark, wherever it is written, names one that takes its options."""

import re
import shlex
from pathlib import Path

import pytest

import tl_keras
from docs.benchmarks import __main__ as runner

ROOT = Path(tl_keras.__file__).parents[1]
KINDS = ("*.md", "*.py", "*.ipynb", "Makefile")
FOLDERS = ("docs", "notebooks", "tests", "tl_keras", "data")
FILES = [
    path
    for path in (*ROOT.glob("*"), *(p for name in FOLDERS for p in (ROOT / name).rglob("*")))
    if path.is_file() and any(map(path.match, KINDS)) and path != Path(__file__)
]
NAMES = tuple(runner.benchmarks())
PYTHON = re.compile(r"python -m docs\.benchmarks +([^`\n]*)")
MAKE = re.compile(r"make benchmark-([\w-]+)(?: ARGS=([^`\n]*))?")
RULE = "benchmark-%: install\n\t$(BIN)/python -m docs.benchmarks $* $(ARGS)\n"


def _commands(text):
    """Yields the words of each command; options are None where the text leaves them out."""
    for line in PYTHON.findall(text):
        unfilled = "{" in line  # the text of a section that a benchmark writes
        words = line.split()[:1] if unfilled else shlex.split(line, comments=True)
        if words and words[0] != "NAME" and words[0][0] not in "${":
            yield words[0], None if unfilled else words[1:]
    for name, options in MAKE.findall(text):
        if name != "NAME":
            yield name, shlex.split(shlex.split(options)[0]) if options else None


COMMANDS = sorted(
    {
        (name, None if words is None else tuple(words))
        for path in FILES
        for name, words in _commands(path.read_text(encoding="utf-8"))
    },
    key=str,
)


def _parse(name, words):
    _, parser = runner.load(name)
    if words is not None and "--help" not in words:
        parser.parse_args(words)


@pytest.mark.parametrize(("name", "words"), COMMANDS, ids=lambda part: str(part))
def test_written_commands_name_a_benchmark_and_its_options(name, words):
    _parse(name, words)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("`python -m docs.benchmarks few_shots`", "few_shots"),
        ("python -m docs.benchmarks few_shot --draw x", "few_shot"),
        ("`make benchmark-few-shots`", "few-shots"),
        ("`make benchmark-few-shot ARGS='--drawn 5'`", "few-shot"),
    ],
)
def test_wrong_commands_are_found(text, wrong):
    ((name, words),) = _commands(text)
    assert name == wrong
    with pytest.raises(SystemExit):
        _parse(name, words)


def test_commands_are_found_in_pages_and_in_what_make_runs():
    assert len(COMMANDS) > 50
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert RULE in makefile
    (names,) = re.findall(r"addprefix benchmark-,([\w ]+)\)", makefile)
    assert set(names.split()) <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_docstring_of_a_benchmark_shows_its_command(name):
    module, _ = runner.load(name)
    assert name in [each for each, _ in _commands(module.__doc__)]
    assert callable(module.main)


def test_benchmarks_are_run_by_name_and_paths_to_them_exist():
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"python\S* docs/benchmarks/", text), path
        for target in re.findall(r"\bdocs/benchmarks/[\w/]+\.py", text):
            assert (ROOT / target).is_file(), f"{path}: {target}"


def test_an_unknown_name_and_no_name_list_the_known_ones(capsys):
    with pytest.raises(SystemExit, match="Expected one of .*few_shot.*; received nothing"):
        runner.load("nothing")
    runner.main([])
    listed = capsys.readouterr().out
    assert all(f"\n    {name} " in listed for name in NAMES)
