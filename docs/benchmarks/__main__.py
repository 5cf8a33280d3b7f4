"""Runs a benchmark by its name, from the root of the repository.

    python -m docs.benchmarks                       # lists the names
    python -m docs.benchmarks few_shot --help       # shows the options of one
    python -m docs.benchmarks few_shot --draws 5

A benchmark is a module of a sub-folder with `main(given)`. Its options stand in
`add_options(parser)`; the first line of its docstring says what it measures.
"""

import argparse
import ast
import importlib
import os
import sys
from pathlib import Path

HERE = Path(__file__).parent


class Help(argparse.RawDescriptionHelpFormatter, argparse.ArgumentDefaultsHelpFormatter):
    """The docstring as it stands, and the defaults."""


def main(words):
    if not words or words[0] in ("-h", "--help"):
        print(listing())
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    benchmark, parser = load(words[0])
    benchmark.main(parser.parse_args(words[1:]))


def load(name):
    """Returns the module of a benchmark and its parser; name: str, words joined by _ or -."""
    name = name.replace("-", "_")
    known = benchmarks()
    if name not in known:
        raise SystemExit(f"Expected one of {', '.join(known)}; received {name}.")
    module = importlib.import_module(f"docs.benchmarks.{known[name].parent.name}.{name}")
    parser = argparse.ArgumentParser(
        prog=f"python -m docs.benchmarks {name}",
        description=module.__doc__,
        formatter_class=Help,
    )
    module.add_options(parser)
    return module, parser


def benchmarks():
    """Returns {name: path} of the modules that can be run."""
    paths = sorted(HERE.glob("*/*.py"))
    return {path.stem: path for path in paths if "\ndef main(" in path.read_text("utf-8")}


def listing():
    lines, folder = [__doc__.rpartition("\n\n")[0]], None
    for name, path in benchmarks().items():
        if path.parent != folder:
            folder = path.parent
            lines += ["", first_line(folder / "__init__.py")]
        lines.append(f"    {name:16} {first_line(path)}")
    return "\n".join(lines)


def first_line(path):
    return ast.get_docstring(ast.parse(path.read_text("utf-8"))).splitlines()[0]


if __name__ == "__main__":
    main(sys.argv[1:])
