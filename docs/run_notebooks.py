"""Executes the notebooks in place, so that they are committed with their figures.

    python docs/run_notebooks.py [NOTEBOOK ...] [--timeout SECONDS]

Without names it takes every notebooks/*.ipynb. A notebook is written only if all of its cells
ran. What would differ between two runs for no reason, times and versions, is left out of it.
"""

import argparse
import os
import re
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

ROOT = Path(__file__).resolve().parents[1]
NATIVE_LOG = re.compile(r"WARNING: All log messages before absl|[IWEF]\d{4} \d\d:\d\d:\d\d")
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}


def main():
    """Runs the notebooks; returns 1 if a cell of one failed, else 0."""
    parser = argparse.ArgumentParser(description="Executes notebooks in place.")
    parser.add_argument("notebooks", nargs="*", type=Path, metavar="NOTEBOOK")
    parser.add_argument("--timeout", type=int, default=900, help="Seconds a cell may take.")
    arguments = parser.parse_args()
    paths = arguments.notebooks or sorted((ROOT / "notebooks").glob("*.ipynb"))
    # The kernel of this environment, not one of the same name in the user's home.
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
    failures = [path for path in paths if not run(path, arguments.timeout)]
    return 1 if failures else 0


def run(path, timeout):
    """Executes one notebook and writes it; returns whether all cells ran."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(path.parent)}},
    )
    started = time.monotonic()
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        say(f"{path.name}: {failing_cell(notebook)} failed\n{error}", sys.stderr)
        return False
    settle(notebook)
    temporary = path.with_suffix(".part")
    nbformat.write(notebook, temporary)
    temporary.replace(path)
    say(f"{path.name}: {time.monotonic() - started:.0f} s")
    return True


def failing_cell(notebook):
    """Names the cell that failed: its position from 1 and its first line."""
    code = [(n, cell) for n, cell in enumerate(notebook.cells, 1) if cell.cell_type == "code"]
    failed = [(n, c) for n, c in code if any(o.output_type == "error" for o in c.outputs)]
    # One that was stopped or killed leaves no error: it is the last that started.
    started = [(n, c) for n, c in code if c.execution_count or c.outputs] or code
    number, cell = failed[0] if failed else started[-1]
    return f"cell {number} ({cell.source.splitlines()[0]!r})"


def settle(notebook):
    """Takes out of a notebook what differs from run to run."""
    notebook.metadata = nbformat.from_dict(
        {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    )
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [kept for kept in map(without_native_log, cell.outputs) if kept]


def without_native_log(output):
    """Takes the lines that TensorFlow's C++ part logs, with times and numbers, out of an output."""
    if output.output_type != "stream" or output.name != "stderr":
        return output
    lines = output.text.splitlines(keepends=True)
    output.text = "".join(line for line in lines if not NATIVE_LOG.match(line))
    return output if output.text else None


def say(text, stream=sys.stdout):
    """Prints at once, also into a pipe."""
    print(text, file=stream, flush=True)


if __name__ == "__main__":
    sys.exit(main())
