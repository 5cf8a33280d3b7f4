"""The page of a pretraining: what was learned, to be looked at, and the figures beside it."""

import dataclasses
from pathlib import Path

from tl_keras.checks import InputError
from tl_keras.reports.pages.html import write_page


@dataclasses.dataclass(frozen=True)
class Figure:
    """A figure on the page.

    Attributes:
        png: bytes of a PNG file.
        alt: what it shows, in a few words.
        caption: a sentence below it.
    """

    png: bytes
    alt: str
    caption: str = ""


@dataclasses.dataclass(frozen=True)
class Table:
    """A table with a heading for each column; all but the first hold figures.

    Attributes:
        columns: headings.
        rows: a tuple of texts each, as long as `columns`.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Section:
    """A part of the page.

    Attributes:
        name: its id in the page.
        title: its heading.
        texts: paragraphs before the figures.
        figures: `Figure`s.
        rows: (label, value) pairs of a table.
        table: `Table` before the figures, or None.
    """

    name: str
    title: str
    texts: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    rows: tuple[tuple[str, str], ...] = ()
    table: Table | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class PretrainingReport:
    """What the page of a pretraining shows.

    Args:
        title: e.g. "A VAE on digits".
        number: the main figure as text; "" if nothing was measured.
        words: what that number is.
        verdict: a sentence that compares it.
        sections: `Section`s in order.
        commands: command lines that use the run.
        code: Python that uses the run.
        warnings: sentences.
        files: names of the files beside the page.
        command: the command line that was run.
    """

    title: str
    number: str
    words: str
    verdict: str
    sections: tuple[Section, ...]
    commands: tuple[str, ...] = ()
    code: str = ""
    warnings: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    command: str = ""

    def __post_init__(self):
        if not self.sections:
            raise InputError("Expected at least one section to report; received none.")


def write_pretraining_page(path, report):
    """Writes the page, one self-contained file, whole or not at all.

    Args:
        path: HTML file to write.
        report: PretrainingReport.

    Returns:
        The path that was written.

    Raises:
        InputError: the file cannot be written.
    """
    path = Path(path)
    write_page(path, "pretraining.html.j2", report=report)
    return path
