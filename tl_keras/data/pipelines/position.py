"""Place at which the training pipelines of a resumed fit begin."""

import contextlib
from collections.abc import Iterator
from typing import NamedTuple


class Position(NamedTuple):
    """Epochs and steps of a fit that are done.

    Attributes:
        epochs: completed epochs of this fit.
        step: completed steps of the epoch after them.
        batches: all completed steps.
    """

    epochs: int = 0
    step: int = 0
    batches: int = 0


_position = Position()


@contextlib.contextmanager
def starting_at(position: Position) -> Iterator[None]:
    """Lets the shuffled pipelines that are built within it begin at a `Position`.

    Batches that are done are left out as indices, so no image of theirs is decoded. A pipeline of
    single epochs that begins within an epoch ends with it.
    """
    global _position
    before, _position = _position, position
    try:
        yield
    finally:
        _position = before


def starting_position() -> Position:
    """Returns the `Position` at which a pipeline that is built now begins."""
    return _position
