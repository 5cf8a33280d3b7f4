"""Page of a pretraining: results and figures."""

import dataclasses
from pathlib import Path

from tl_keras.checks import InputError
from tl_keras.reports.pages.html import write_page


@dataclasses.dataclass(frozen=True)
class Figure:
    """Figure on the page.

    Attributes:
        png: bytes of a PNG file.
        alt: short description.
        caption: a sentence below the figure.
    """

    png: bytes
    alt: str
    caption: str = ""


@dataclasses.dataclass(frozen=True)
class Table:
    """Table with a heading for each column; all columns but the first hold numbers.

    Attributes:
        columns: headings.
        rows: tuples of texts, each as long as `columns`.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Section:
    """Section of the page.

    Attributes:
        name: id in the page.
        title: heading.
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
    """Content of the page of a pretraining.

    Args:
        title: e.g. "A VAE on digits".
        number: the main result as text; "" if nothing was measured.
        words: description of that number.
        verdict: a sentence that puts it into context.
        sections: `Section`s in order.
        commands: command lines that use the run.
        code: Python that uses the run.
        warnings: sentences.
        files: names of the files beside the page.
        command: command line of this run.
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
    """Writes the page as one self-contained file, completely or not at all.

    Args:
        path: HTML file to write.
        report: PretrainingReport.

    Returns:
        Path of the written file.

    Raises:
        InputError: the file cannot be written.
    """
    path = Path(path)
    write_page(path, "pretraining.html.j2", report=report)
    return path
