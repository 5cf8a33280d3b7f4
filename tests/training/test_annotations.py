"""Public functions of the package that trains say what they take and return."""

import ast
from pathlib import Path

import pytest

from tl_keras import training

FOLDER = Path(training.__file__).parent
MODULES = sorted(FOLDER.rglob("*.py"))


def unannotated(source):
    """Returns the public functions of a module that lack the type of an argument or result."""
    found = []
    for function in ast.parse(source).body:
        if isinstance(function, ast.FunctionDef) and not function.name.startswith("_"):
            given = function.args
            every = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
            hints = [function.returns, *(each.annotation for each in every if each)]
            found += [function.name] if None in hints else []
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_public_functions_are_annotated(path):
    assert not unannotated(path.read_text(encoding="utf-8"))


def test_a_missing_annotation_is_found():
    assert unannotated("def f(x: int, *, y) -> int: ...\ndef _g(x): ...") == ["f"]
    assert unannotated("def f(x: int): ...\ndef g(*x: int) -> int: ...") == ["f"]
