"""Docstrings are plain technical English: first words, lengths and vocabulary."""

import ast
import inspect
import re
from itertools import pairwise
from pathlib import Path

import pytest

import tl_keras

PACKAGE = Path(tl_keras.__file__).parent
TESTS = Path(__file__).parent
MODULES = sorted(
    path for top in (PACKAGE, TESTS, TESTS.parent / "docs") for path in top.rglob("*.py")
)
RIDDLES = re.compile(r"(What|How|Which|Who|Where|That|Whether|The same|Of an?|As)\b")
LONGEST_SUMMARY = 100  # characters
LONGEST_SENTENCE = 30  # words
OTHER_WORDS = re.compile(r"\b(pictures?|nets?|maps)\b", re.IGNORECASE)
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef)
_SECTION = re.compile(r"(Args|Attributes|Returns|Raises|Yields|Example|Reference)s?:$")
_ITEM = re.compile(r"(- )?\*{0,2}\w+(, \*{0,2}\w+)*: ")


def _docstrings(source):
    """Returns (name, docstring) of a module, and of every class, function and field in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, _DOCUMENTED) and (text := ast.get_docstring(node)):
            yield getattr(node, "name", "module"), text
        body = node.body if isinstance(node, ast.ClassDef) else ()
        for field, below in pairwise(body):
            text = below.value if isinstance(below, ast.Expr) else None
            text = getattr(text, "value", None)
            if isinstance(field, ast.AnnAssign) and isinstance(text, str):
                yield field.target.id, inspect.cleandoc(text)


def _summaries(text):
    """Returns the first line, and that of each module in the list of a package's docstring."""
    listed = [line.split(": ", 1)[1] for line in text.splitlines() if re.match(r"- \w+: ", line)]
    return [text.splitlines()[0], *(each[0].upper() + each[1:] for each in listed)]


def _blocks(text):
    """Returns the paragraphs of a docstring; a described argument is one of its own."""
    block, reference = [], False
    for line in (each.strip() for each in text.splitlines()):
        if not line or _SECTION.match(line) or _ITEM.match(line):
            yield " ".join(block)
            block = []
            reference = line.startswith("Reference") or (reference and not _SECTION.match(line))
        if line and not _SECTION.match(line) and not reference:
            block.append(line)
    yield " ".join(block)


def _sentences(text):
    for block in _blocks(text):
        block = re.sub(r"\b(e\.g|i\.e|al)\.", r"\1", block)
        yield from re.split(r"(?<=[.!?])\s+", block)


def _faults(source):
    """Returns what is wrong with the words of a module's docstrings, one line each."""
    for name, text in _docstrings(source):
        for summary in _summaries(text):
            if RIDDLES.match(summary):
                yield f"{name}: open with a verb or a noun: {summary}"
            if len(summary) > LONGEST_SUMMARY:
                yield f"{name}: the summary has {len(summary)} characters: {summary}"
        for sentence in _sentences(text):
            if (words := len(sentence.split())) > LONGEST_SENTENCE:
                yield f"{name}: a sentence of {words} words: {sentence}"
        for word in OTHER_WORDS.findall(text):
            yield f"{name}: write image, network or channels, not {word}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: "/".join(path.parts[-4:]))
def test_docstrings_are_plain_technical_english(path):
    assert not list(_faults(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("docstring", "message"),
    [
        ("What learns.", "open with a verb"),
        ("A package.\n\n- heads: what ends a model", "open with a verb"),
        (f"Returns {'x' * 100}.", "characters"),
        (f"Returns it.\n\nArgs:\n    x: {'word ' * 31}", "a sentence of"),
        ("Returns a net.", "not net"),
        ("Counts pictures.", "not pictures"),
    ],
)
def test_other_words_are_found(docstring, message):
    (fault,) = _faults(f'def f(x):\n    """{docstring}"""\n')
    assert message in fault


def test_other_words_are_found_below_a_field():
    (fault,) = _faults('class A:\n    x: int = 0\n    """How many."""\n')
    assert fault.startswith("x: open with a verb")


def test_plain_words_are_taken():
    text = f"Trains a network.\n\n{'One short sentence. ' * 20}\n\nArgs:\n    x: image.\n"
    assert not list(_faults(f'def f(x):\n    """{text}"""\n'))
