"""Public functions are annotated, and the package says so."""

import ast
import configparser
import inspect
from pathlib import Path

import pytest

import tl_keras

PACKAGE = Path(tl_keras.__file__).parent
ROOMS = ("data", "models", "evaluation", "reports")
MODULES = sorted(path for room in ROOMS for path in (PACKAGE / room).rglob("*.py"))
PUBLIC = sorted(tl_keras._PUBLIC)


def _public_functions(body, is_class=False):
    """Yields (function, whether its first argument is self or cls)."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from _public_functions(node.body, is_class=True)
        if isinstance(node, ast.FunctionDef) and (
            node.name == "__init__" or not node.name.startswith("_")
        ):
            yield node, is_class and "staticmethod" not in map(ast.unparse, node.decorator_list)


def _bare(source):
    """Returns "function(argument)" for each argument or result without annotation."""
    bare = []
    for node, bound in _public_functions(ast.parse(source).body):
        args = node.args
        named = [*args.posonlyargs, *args.args, *args.kwonlyargs][bound:]
        given = [*named, *filter(None, (args.vararg, args.kwarg))]
        bare += [f"{node.name}({arg.arg})" for arg in given if arg.annotation is None]
        bare += [f"{node.name} ->"] if node.returns is None else []
    return bare


@pytest.mark.parametrize("path", MODULES, ids=lambda path: "/".join(path.parts[-3:]))
def test_public_functions_are_annotated(path):
    assert not _bare(path.read_text(encoding="utf-8"))


def test_missing_annotations_are_found():
    source = "class A:\n    def f(self, x, *y: int, z: int = 0): ...\ndef _g(x): ...\n"
    assert _bare(source) == ["f(x)", "f ->"]


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_show_annotations(name):
    public = getattr(tl_keras, name)
    if not (isinstance(public, type) and issubclass(public, Exception)):
        parameters = inspect.signature(public).parameters.values()
        assert not [p.name for p in parameters if p.annotation is p.empty]


def test_package_ships_its_marker_for_type_checkers():
    setup = configparser.ConfigParser()
    setup.read(PACKAGE.parent / "setup.cfg")
    assert "py.typed" in setup["options.package_data"]["tl_keras"].split()
    assert (PACKAGE / "py.typed").read_bytes() == b""
