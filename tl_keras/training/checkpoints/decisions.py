"""Choices that depend on time or free memory, made once and read back by a resumed run."""

from collections.abc import Callable
from typing import TypeVar

from tl_keras.files import read_json, write_json
from tl_keras.training.checkpoints.run_checkpoints import active_checkpoints

Choice = TypeVar("Choice")


def decided(name: str, choose: Callable[[], Choice]) -> Choice:
    """Returns `choose()`, or what it returned when the run was begun.

    Args:
        name: of the decision, different for each of a run.
        choose: function that returns what JSON can hold.
    """
    checkpoints = active_checkpoints()
    if checkpoints is None:
        return choose()
    path = checkpoints.folder / "decisions.json"
    known = read_json(path) if path.is_file() else {}
    if name not in known:
        known[name] = choose()
        write_json(path, known)
    return known[name]
