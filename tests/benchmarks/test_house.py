"""Benchmarks are a house: a folder for each subject, and shared parts in one place."""

import ast

import pytest

from docs.benchmarks import __main__ as runner

ROOMS = sorted(path.parent for path in runner.HERE.glob("*/__init__.py"))
MODULES = sorted(runner.HERE.glob("*/*.py"))


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_a_folder_has_a_dozen_modules_at_most_and_says_what_it_is(room):
    assert len(list(room.glob("*.py"))) <= 1 + 12
    tree = ast.parse((room / "__init__.py").read_text(encoding="utf-8"))
    assert ast.get_docstring(tree) and len(tree.body) == 1


def test_every_module_stands_in_a_folder_and_has_a_name_of_its_own():
    assert {path.stem for path in runner.HERE.glob("*.py")} == {"__init__", "__main__"}
    assert {path.parent for path in MODULES} == set(ROOMS)
    names = [path.stem for path in MODULES if path.stem != "__init__"]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_subject_imports_itself_and_shared_parts_only(path):
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 250
    assert not _wrong(source, path.parent.name)


def _wrong(source, room):
    """Imports of other subjects, relative ones, and changes to the path of imports."""
    found = [] if "sys.path" not in source else ["sys.path"]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            found += ["relative"] * (node.level > 0)
            words = (node.module or "").split(".")
            if words[:2] == ["docs", "benchmarks"] and words[2:3] not in ([room], ["shared"]):
                found.append(node.module)
        elif isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.startswith("docs")]
    return found


@pytest.mark.parametrize(
    "source",
    [
        "from docs.benchmarks.policy.strategies import trained",
        "def f():\n    from docs.benchmarks.trust import kills",
        "from .shared import page",
        "import docs.benchmarks.policy.policy",
        "import sys\nsys.path.insert(0, '.')",
    ],
)
def test_other_imports_are_found(source):
    assert _wrong(source, "transfer")
    assert not _wrong("from docs.benchmarks.shared.page import machine", "transfer")
