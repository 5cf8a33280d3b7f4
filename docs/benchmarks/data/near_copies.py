"""Draws the near copies that `check` finds, to be looked at, the least sure ones first.

    tl-keras check FOLDER --out RUN
    python -m docs.benchmarks near_copies FOLDER RUN SHEETS

SHEETS gets PNG files of a hundred pairs each. With --known FILE, a CSV of two paths a row, recall
and the number of other pairs are printed. Images that are linked through others count as a pair
that was found. The known pairs of CIFAR-10 are no part of this project (Barz and Denzler 2020, "Do
we train on test data?", arXiv:1902.00423).
"""

import csv
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from tl_keras.data.grouping.copies import groups_of

SIDE, COLUMNS, ROWS = 64, 10, 10


def add_options(options):
    options.add_argument("folder", type=Path)
    options.add_argument("run", type=Path)
    options.add_argument("sheets", type=Path)
    options.add_argument("--known", type=Path)


def main(given):
    with open(given.run / "pairs.csv", newline="", encoding="utf-8") as file:
        found = [(row["first"], row["second"], row["disagreement"]) for row in csv.DictReader(file)]
    given.sheets.mkdir(parents=True, exist_ok=True)
    found.reverse()
    for start in range(0, len(found), COLUMNS * ROWS):
        page = sheet(given.folder, found[start : start + COLUMNS * ROWS])
        page.save(given.sheets / f"pairs-{start // (COLUMNS * ROWS):02}.png")
    print(f"{len(found)} pairs of {len({name for pair in found for name in pair[:2]})} images")
    if given.known:
        print(compared([pair[:2] for pair in found], known_pairs(given.known)))


def sheet(folder, pairs):
    width, height = 2 * SIDE + 8, SIDE + 14
    page = Image.new("RGB", (COLUMNS * width, ROWS * height), "white")
    draw = ImageDraw.Draw(page)
    for number, (first, second, ratio) in enumerate(pairs):
        x, y = number % COLUMNS * width, number // COLUMNS * height
        draw.text((x, y), ratio, fill="black")
        for place, name in enumerate((first, second)):
            image = Image.open(folder / name).convert("RGB").resize((SIDE, SIDE))
            page.paste(image, (x + place * SIDE, y + 12))
    return page


def known_pairs(file):
    with open(file, newline="", encoding="utf-8") as rows:
        return [tuple(row[:2]) for row in csv.reader(rows) if row]


def compared(found, known):
    """Recall of the known pairs, and the pairs found that no chain of known pairs links."""
    return (
        f"recall {linked(known, found):.1%} of {len(known)}; "
        f"{round((1 - linked(found, known)) * len(found))} pairs are not known"
    )


def linked(asked, pairs):
    """Share of the pairs asked for that chains of other pairs link."""
    names = {name: row for row, name in enumerate({n for p in (*asked, *pairs) for n in p})}
    rows = np.array([[names[a], names[b]] for a, b in pairs], np.int64).reshape(-1, 2)
    groups = groups_of(rows, len(names))
    return float(np.mean([groups[names[a]] == groups[names[b]] for a, b in asked] or [0]))
