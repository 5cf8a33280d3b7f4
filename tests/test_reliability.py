"""The table of faults: each has a test that carries its number."""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "reliability.md"
FAULTS = range(1, 58)


def _marked(source):
    """Yields (name, numbers) of the tests in a module that are marked with faults."""
    for node in ast.parse(source).body:
        for decorator in getattr(node, "decorator_list", ()):
            if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith("fault"):
                yield node.name, [ast.literal_eval(number) for number in decorator.args]


def _marks():
    """Returns {test: numbers of its faults}."""
    return {
        f"{path.relative_to(TESTS)}::{name}": numbers
        for path in TESTS.rglob("test_*.py")
        for name, numbers in _marked(path.read_text(encoding="utf-8"))
    }


def _rows(page):
    """Returns [(number, outcome, test)] of the tables in a page."""
    rows = re.findall(r"^\| (\d+) \| .*? \| (.*?) \| (.*?) ?\|$", page, re.MULTILINE)
    return [(int(number), outcome, test) for number, outcome, test in rows]


def _differences(rows, marks):
    """Returns what the table says that the marks do not, and the other way round."""
    tested = {number for numbers in marks.values() for number in numbers}
    wrong = [f"fault {n} is no row" for n in sorted(tested - set(FAULTS))]
    for number, outcome, test in rows:
        if not outcome:
            wrong.append(f"row {number} has no outcome")
        if not test:
            wrong.append(f"row {number} names no test")
        if test and number not in marks.get(test, ()):
            wrong.append(f"row {number} names {test}, which is not marked with it")
    return wrong


def test_every_fault_has_a_row_and_a_test_that_is_marked_with_it():
    rows = _rows(PAGE.read_text(encoding="utf-8"))
    assert [number for number, _, _ in rows] == list(FAULTS)
    assert _differences(rows, _marks()) == []


@pytest.mark.parametrize(
    ("rows", "wrong"),
    [
        ([(1, "refused", "a.py::test_a")], []),
        ([(2, "refused", "a.py::test_a")], ["row 2 names a.py::test_a, which is not marked"]),
        ([(1, "refused", "a.py::test_b")], ["row 1 names a.py::test_b, which is not marked"]),
        ([(1, "refused", "")], ["row 1 names no test"]),
        ([(3, "refused", "")], ["row 3 names no test"]),
        ([(1, "", "a.py::test_a")], ["row 1 has no outcome"]),
    ],
)
def test_table_that_says_something_else_is_found(rows, wrong):
    source = "@pytest.mark.fault(1)\n@other\ndef test_a():\n    pass\n"
    marks = {f"a.py::{name}": numbers for name, numbers in _marked(source)}
    found = _differences(rows, marks)
    assert len(found) == len(wrong)
    assert all(line.startswith(start) for line, start in zip(found, wrong, strict=True))


def test_number_beyond_the_table_is_found():
    assert _differences([], {"a.py::test_a": [99]}) == ["fault 99 is no row"]
