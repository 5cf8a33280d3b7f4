"""The page of benchmark figures: each benchmark replaces its own section and no other."""

import os
import platform
import re
import time
from pathlib import Path

PAGE = Path(__file__).parents[2] / "benchmarks.md"
IMAGES = PAGE.parent / "images"


def machine():
    """The date and the machine, as every section names them."""
    return f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} CPUs ({platform.machine()})"


def table_head(*columns):
    """The two lines that open a table of Markdown."""
    return [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]


def replace_section(title, lines, page=PAGE):
    """Writes `lines` under "## title"; a section that is not there yet goes to the end.

    Args:
        title: heading, without the marks.
        lines: list of str.
        page: path of the Markdown file.
    """
    text = page.read_text(encoding="utf-8") if page.exists() else "# Benchmarks\n"
    head, *sections = re.split(r"(?m)^(?=## )", text)
    written = "\n".join([f"## {title}", "", *lines, ""])
    titles = [section.splitlines()[0] for section in sections]
    if f"## {title}" in titles:
        sections[titles.index(f"## {title}")] = written
    else:
        sections.append(written)
    parts = [part.strip() for part in (head, *sections)]
    page.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    print(written)
