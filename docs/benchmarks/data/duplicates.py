"""Measures the search for near duplicates: recall of changed copies, pairs found, time and memory.

CIFAR-10 and MNIST come from the folder that TL_KERAS_DATA names. The copies are made of odd test
images. With --images FOLDER the pairs between test and train are drawn, to be looked at. Writes
its section of docs/benchmarks.md.

    python -m docs.benchmarks duplicates --copies 300 --images FOLDER
"""

import argparse
import json
import re
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from docs.benchmarks.shared.cifar import load_cifar
from docs.benchmarks.shared.data_folder import load_mnist
from docs.benchmarks.shared.page import machine, replace_section, table_head
from docs.benchmarks.shared.processes import output_of
from tests.data.changed_copies import as_jpeg, kinds, on_page
from tl_keras.data.inspection.fingerprints import looks_of
from tl_keras.data.inspection.near_duplicates import near_pairs


def add_options(options):
    options.add_argument("--copies", type=int, default=300)
    options.add_argument("--images", type=Path)
    options.add_argument("--within", type=Path, help=argparse.SUPPRESS)  # of `time_and_memory`


def main(given):
    if given.within:
        with np.load(given.within) as arrays:
            print(json.dumps(search(arrays["thumbnails"], arrays["colours"])))
        return
    labelled, rest, test = load_cifar()
    train = np.concatenate([labelled.images, rest.images])
    known = looks(test.images), looks(train)
    lines = copies_found(test.images, known[0], given.copies)
    lines += pairs_between(*known)
    lines += digits_on_pages(given.copies)
    both = [np.concatenate(parts) for parts in zip(*known, strict=True)]
    lines += time_and_memory("CIFAR-10 images", *both)
    lines += time_and_memory("digits on pages", *looks(map(on_page, all_digits()[:20_000])))
    if given.images:
        draw_pairs(test.images, train, *pairs_of(*known), given.images)
    replace_section("Near duplicates", [*introduction(), *lines])


def introduction():
    return [f"`make benchmark-duplicates`, {machine()}, other jobs beside it.", ""]


def looks(images):
    """(thumbnails, colours) of images; those of plain ones are 0."""
    plain = np.zeros((32, 32), np.uint8), np.zeros((8, 8, 2), np.uint8)
    found = (looks_of(np.ascontiguousarray(image)) for image in images)
    found = [plain if look[0] is None else look for look in found]
    return [np.stack(parts) for parts in zip(*found, strict=True)]


def pairs_of(*looks):
    """`near_pairs` of one or two sets of (thumbnails, colours)."""
    thumbnails, colours = zip(*looks, strict=True)
    return near_pairs(*thumbnails, colours=colours)


def copies_found(images, known, count):
    """Recall of each kind of copy of odd test images, searched among all test images."""
    random = np.random.default_rng(0)
    rows = random.permutation(np.arange(1, len(images), 2))[:count]
    lines = table_head("copies of CIFAR-10 test images, searched among 10,000", "found")
    for name, change in kinds(random).items():
        pairs, _ = pairs_of(known, looks([change(images[row]) for row in rows]))
        lines.append(f"| {name} | {np.mean(np.isin(rows, own(pairs, rows))):.1%} |")
    return lines


def own(pairs, rows):
    """Rows of the originals whose copy was found."""
    return rows[pairs[pairs[:, 0] == rows[pairs[:, 1]]][:, 1]]


def pairs_between(test, train):
    started = time.process_time()
    pairs, _ = pairs_of(test, train)
    seconds = time.process_time() - started
    return [
        "",
        f"Between the 10,000 test and the 50,000 training images: {len(pairs):,} pairs, with "
        f"{len(np.unique(pairs[:, 0]))} of the test images; {seconds:.0f} s of processor time.",
    ]


def all_digits():
    (train, _), (test, _) = load_mnist()
    return np.concatenate([train, test])


def digits_on_pages(count):
    """Different digits of MNIST on a wide page, and copies of them that were moved."""
    digits = all_digits()[-5 * count :]
    pages = looks([on_page(digit) for digit in digits])
    copies = [as_jpeg(on_page(digit, at=(97, 154)), 80) for digit in digits[:count]]
    right, alike = pairs_of(pages, looks(copies))[0], pairs_of(pages)[0]
    return [
        "",
        f"{len(digits):,} digits of MNIST, each on a page of 280 x 400 pixels: "
        f"{len(alike)} pairs of {len(digits) * (len(digits) - 1) // 2:,} are taken "
        f"for near duplicates. Of {count} pages compressed anew and moved by a few pixels "
        f"{np.mean(np.isin(np.arange(count), right[right[:, 0] == right[:, 1]])):.1%} are found.",
    ]


def time_and_memory(name, thumbnails, colours):
    """A line on the search within many images, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "looks.npz"
        np.savez(path, thumbnails=thumbnails, colours=colours)
        found = json.loads(output_of("duplicates", "--within", path))
    return [
        "",
        f"Within {len(thumbnails):,} {name}: {found['pairs']:,} pairs, {found['seconds']:.0f} s of "
        f"processor time; {found['peak']:.0f} MiB of memory at the peak, {found['before']:.0f} MiB "
        "of it before the search.",
    ]


def search(thumbnails, colours):
    """{"pairs", "seconds" of processor time, "before" and "peak", MiB of resident memory}"""
    before, started = most_memory(), time.process_time()
    pairs, _ = pairs_of((thumbnails, colours))
    seconds = time.process_time() - started
    return {"pairs": len(pairs), "seconds": seconds, "before": before, "peak": most_memory()}


def most_memory():
    """MiB that this process had at most, on Linux; `ru_maxrss` would start at the parent's."""
    found = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) / 2**10


def draw_pairs(test, train, pairs, ratios, folder, columns=10, rows=10):
    """Writes pages of pairs side by side, the least certain first; one pair a test image."""
    folder.mkdir(parents=True, exist_ok=True)
    order = np.argsort(ratios, kind="stable")
    _, first = np.unique(pairs[order][:, 0], return_index=True)
    chosen = pairs[order][np.sort(first)[::-1]]
    for start in range(0, len(chosen), columns * rows):
        page = np.full((rows * 34, columns * 68, 3), 255, np.uint8)
        for number, (one, other) in enumerate(chosen[start : start + columns * rows]):
            y, x = number // columns * 34, number % columns * 68
            page[y : y + 32, x : x + 64] = np.hstack([test[one], train[other]])
        drawn = Image.fromarray(page).resize((columns * 68 * 3, rows * 34 * 3), 0)
        drawn.save(folder / f"pairs-{start // (columns * rows):02}.png")
