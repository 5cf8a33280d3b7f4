"""Declared content of a page: sections of texts, tables, figures and images.

A text is a `str`, which is escaped, or `markupsafe.Markup`, whose `format` escapes its arguments.
"""

import dataclasses
import json
import shlex
import sys
from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup

from tl_keras.reports.figures.style import DPI
from tl_keras.reports.page_parts.thumbnails import data_uri, png_uri, png_width

_RUN_FILES = ("config.json", "environment.json", "metrics.json", "figures/")


@dataclasses.dataclass(frozen=True)
class Soft:
    """Paragraph in a soft colour."""

    text: str


@dataclasses.dataclass(frozen=True)
class Result:
    """Main result: a number in large type, such as "93.4%", and its description beside it."""

    number: str
    words: str


@dataclasses.dataclass(frozen=True)
class Note:
    """Box of one or more sentences; its kind is "loud" or "warning"."""

    sentences: Sequence[str]
    kind: str


@dataclasses.dataclass(frozen=True)
class Bullets:
    """List of texts with a bullet each."""

    texts: Sequence[str]


@dataclasses.dataclass(frozen=True)
class Code:
    """Block of command lines, or of Python lines, which are not wrapped."""

    text: str
    wrap: bool = True


@dataclasses.dataclass(frozen=True)
class Files:
    """Links to files beside the page, named relative to it."""

    names: Sequence[str]


@dataclasses.dataclass(frozen=True)
class Table:
    """Table; the first cell of a row is its heading where it holds a name.

    Attributes:
        columns: headings; () for none.
        rows: texts or numbers, as many per row as there are columns.
        looks: "name", "value" or "number" for the first columns; the others hold numbers.
        tall: whether a long table scrolls inside its box.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str | int]]
    looks: Sequence[str] = ("name",)
    tall: bool = False

    def look(self, column: int) -> str:
        """Returns the look of a column, counted from 0."""
        return self.looks[column] if column < len(self.looks) else "number"


@dataclasses.dataclass(frozen=True)
class Figure:
    """Figure, which is also saved as a file beside the page.

    Attributes:
        drawing: bytes of a PNG file, or an image, uint8 (h, w, 3), in the full width of the page.
        alt: short description.
        caption: a sentence below the figure.
        wide: whether the figure keeps a readable width on a narrow screen.
        name: the file is figures/NAME.png; by default that of the section.
    """

    drawing: bytes | np.ndarray
    alt: str
    caption: str = ""
    wide: bool = False
    name: str = ""

    @property
    def width(self) -> int | None:
        """Width on the screen; browsers show 96 pixels per inch, so all texts have one size."""
        if isinstance(self.drawing, np.ndarray):
            return None
        return round(png_width(self.drawing) * 96 / DPI)

    @property
    def uri(self) -> str:
        """The image as text for an HTML page."""
        if isinstance(self.drawing, np.ndarray):
            return data_uri(self.drawing)
        return png_uri(self.drawing)


@dataclasses.dataclass(frozen=True, eq=False)
class Samples:
    """Images, uint8 (h, w, 3), in a row for each class; many classes are folded away."""

    images: Mapping[str, Sequence[np.ndarray]]


@dataclasses.dataclass(frozen=True, eq=False)
class Group:
    """Cluster with its most typical images.

    Attributes:
        name: e.g. "Cluster 3".
        colour: "#rrggbb", colour of its frames on the map; "" for none.
        words: size as text.
        images: uint8 (h, w, 3), the most typical first.
        paths: path of each image.
        parts: `Group`s into which it opens.
    """

    name: str
    colour: str
    words: str
    images: Sequence[np.ndarray]
    paths: Sequence[str]
    parts: "Sequence[Group]" = ()


@dataclasses.dataclass(frozen=True, eq=False)
class Tile:
    """One image, or two to compare, uint8 (h, w, 3), above lines of text and their paths.

    Attributes:
        sound: bytes of a WAV file, for a player below the image; None without.
    """

    images: Sequence[np.ndarray]
    paths: Sequence[str]
    lines: Sequence[str] = ()
    sound: bytes | None = None


@dataclasses.dataclass(frozen=True)
class Tiles:
    """Grid of `Tile`s, which are wide enough for two images if these are pairs."""

    tiles: Sequence[Tile]
    pairs: bool = False


Part = (
    str | Soft | Result | Note | Bullets | Code | Files | Table | Figure | Samples | Group | Tiles
)


@dataclasses.dataclass(frozen=True)
class Section:
    """Section of a page: its id, its heading ("" for none), and its parts in order."""

    name: str
    title: str
    parts: Sequence[Part]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Page:
    """Content of a page.

    Attributes:
        title: heading of the page.
        lead: `Section`s above the link to the warnings.
        sections: the other `Section`s.
        warnings: sentences, in a section of their own after `sections`.
        use: last section.
    """

    title: str
    lead: Sequence[Section]
    sections: Sequence[Section]
    warnings: Sequence[str] = ()
    use: Section | None = None

    @property
    def all_sections(self) -> list[Section]:
        """Sections in the order of the page."""
        warnings = Section("warnings", "Warnings", [Note(self.warnings, "warning")])
        use = [self.use] if self.use else []
        return [*self.lead, *self.sections, *([warnings] if self.warnings else []), *use]


def pairs(rows: Sequence[tuple[str, str]]) -> Table:
    """Returns a table of (label, value) pairs."""
    return Table((), rows, ("name", "value"))


def given_options(settings: dict) -> list[tuple[str, str]]:
    """Returns the (name, value) of each option of a config.json that is not None."""
    given = {name: value for name, value in settings.items() if value is not None}
    return [(name.replace("_", " "), json.dumps(value)) for name, value in given.items()]


def bold(text: str) -> Markup:
    """Returns a text in bold type."""
    return Markup("<b>{}</b>").format(text)


def command_parts(words: str, command: str) -> list[Part]:
    """Returns a command line after the words that introduce it; [] without a command."""
    return [words, Code(command)] if command else []


def files_parts(*files: str) -> list[Part]:
    """Returns links to `files` and to the files of every run folder, beside the page."""
    return ["Files beside this page:", Files([*files, *_RUN_FILES])]


def typed_command(name: str) -> str:
    """Returns the command line of this process if it is that of command `name`, or else ""."""
    return shlex.join(["tl-keras", *sys.argv[1:]]) if name in sys.argv else ""
