"""Progress of long steps: bars on a terminal, plain lines elsewhere."""

import sys
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

_LINE_EVERY_SECONDS = 10


def say(message):
    """Prints one line for the user on standard error."""
    Console(file=sys.stderr, soft_wrap=True, highlight=False, markup=False, emoji=False).print(
        message
    )


def track(iterable, description, total=None):
    """Yields from `iterable` while a bar (on a terminal) or a line every 10 s shows how far it is.

    Args:
        iterable: anything to iterate over.
        description: what is being done, e.g. "Checking images".
        total: number of items; defaults to `len(iterable)`.
    """
    total = len(iterable) if total is None else total
    console = Console(file=sys.stderr)
    if console.is_terminal:
        yield from _bar(console, iterable, description, total)
    else:
        yield from _lines(iterable, description, total)


def _bar(console, iterable, description, total):
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as progress:
        yield from progress.track(iterable, total=total, description=description)


def _lines(iterable, description, total):
    shown = time.monotonic()
    for done, item in enumerate(iterable):
        if time.monotonic() - shown > _LINE_EVERY_SECONDS:
            say(f"{description}: {done}/{total}")
            shown = time.monotonic()
        yield item
