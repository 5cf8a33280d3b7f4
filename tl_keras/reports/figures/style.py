"""Style of all figures: colours, fonts, axes, and names that any font can draw."""

import collections
import functools
import io
import unicodedata
from collections.abc import Callable, Iterable
from typing import Any

import matplotlib
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tl_keras.reports.figures.image_grids import MADE_BY

# Okabe and Ito's colours, distinct for readers with any colour vision.
BLUE, ORANGE, GREEN, GRAY = "#0072B2", "#D55E00", "#009E73", "#6B7280"
INK = "#1F2937"
_GRID = "#E5E7EB"
DPI = 144
_FONTS = (
    "DejaVu Sans",
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Source Han Sans SC",
    "WenQuanYi Micro Hei",
    "PingFang SC",
    "Hiragino Sans",
    "Microsoft YaHei",
    "Arial Unicode MS",
)


@functools.cache
def _rc_params():
    return {
        "font.family": list(_letters_of_fonts()),
        "font.size": 10,
        "text.color": INK,
        "text.parse_math": False,  # a class may have the name "under $5 or over $9"
        "axes.edgecolor": GRAY,
        "axes.labelcolor": INK,
        "axes.titlesize": 11,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "grid.color": _GRID,
        "legend.frameon": False,
    }


def styled(function: Callable) -> Callable:
    """Decorates a drawing function so that its figures have the style of the package."""

    @functools.wraps(function)
    def draw(*args, **kwargs):
        with matplotlib.rc_context(_rc_params()):
            return function(*args, **kwargs)

    return draw


def new_figure(width: float, height: float) -> Figure:
    """Returns an empty figure of `width` x `height` inches whose labels do not overlap.

    It does not belong to pyplot, so it need not be closed.
    """
    return Figure(figsize=(width, height), dpi=DPI, layout="constrained", facecolor="white")


def finish_axes(axes: Axes, *, grid: str | None = "both") -> Axes:
    """Sets grid and tick labels of `axes`; `grid` is "both", "x", "y" or None."""
    # Ticks created only when the figure is drawn would not have the style.
    axes.tick_params(labelsize=9, labelcolor=INK, color=GRAY)
    if grid:
        axes.grid(True, axis=grid, color=_GRID, linewidth=0.8)
    return axes


@styled
def render_png(figure: Figure) -> bytes:
    """Returns `figure` as the bytes of a PNG file."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", bbox_inches="tight", pad_inches=0.05, metadata=MADE_BY)
    return stream.getvalue()


def short_name(name: Any, width: int = 28) -> str:
    """Returns `name` on one line of at most `width` columns; the middle of a longer name is cut.

    Args:
        name: any text.
        width: columns; a Chinese, Japanese or Korean character takes two.
    """
    line = " ".join("".join(c if c.isprintable() else " " for c in str(name)).split()) or "-"
    if _columns(line) <= width:
        return line
    head, tail = line[: len(line) // 2], line[len(line) // 2 :]
    while _columns(head) + _columns(tail) > width - 1:
        if _columns(head) > _columns(tail):
            head = head[:-1]
        else:
            tail = tail[1:]
    return f"{head.rstrip()}\N{HORIZONTAL ELLIPSIS}{tail.lstrip()}"


def axis_names(class_names: Iterable, width: int = 28) -> list[str]:
    """Returns class names that a figure can show.

    Args:
        class_names: any texts.
        width: columns, see `short_name`.

    Returns:
        A list of texts of one line. If shortening makes two names equal, both begin with their
        number in the tables of the report, counted from 1. A name with characters that no installed
        font has becomes "class 7", with that number.
    """
    counts = collections.Counter(short_name(name, width) for name in class_names)
    names = []
    for number, name in enumerate(class_names, start=1):
        short = short_name(name, width)
        if counts[short] > 1:
            short = f"{number}: {short_name(name, width - len(str(number)) - 2)}"
        names.append(short if _drawable(short) else f"class {number}")
    return names


@functools.cache
def _letters_of_fonts():
    """Returns the installed fonts to try for each character, in order, and their characters."""
    installed = {entry.name: entry.fname for entry in font_manager.fontManager.ttflist}
    return {
        name: frozenset(font_manager.get_font(installed[name]).get_charmap())
        for name in _FONTS
        if name in installed
    }


def _drawable(text):
    fonts = _letters_of_fonts().values()
    return all(any(ord(letter) in letters for letters in fonts) for letter in text)


def _columns(text):
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
