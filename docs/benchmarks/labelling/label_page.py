"""Measures how long the label page takes from an answer to the next image.

Starts the command on a folder with a sub-folder for each class, and answers by these. The time is
that of the requests over loopback: the answer, with the fit of the head, and then the next image.

    python -m docs.benchmarks label_page FOLDER --backbone pixels

Options after FOLDER are those of `tl-keras label`.
"""

import argparse
import itertools
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from docs.benchmarks.shared.page import machine

AT = {0: 40, 200: 40, 1000: 40}  # labels before, and answers measured


def add_options(options):
    options.add_argument("folder")
    options.add_argument("options", nargs=argparse.REMAINDER, help="of tl-keras label")


def main(given):
    with tempfile.TemporaryDirectory() as out:
        words = [sys.executable, "-m", "tl_keras", "label", given.folder, "--out", f"{out}/run"]
        begun = time.monotonic()
        server = subprocess.Popen([*words, *given.options], stderr=subprocess.PIPE, text=True)
        try:
            page = Page(address_of(server))
            images = page.ask("state")["images"]
            print(
                f"{machine()}; {images:,} images; page there after {time.monotonic() - begun:.0f} s"
            )
            for before, count in AT.items():
                page.fill(before, images)
                busy = processor_time(server.pid)
                times = [page.answer() for _ in range(count)]
                busy = (processor_time(server.pid) - busy) / count
                print(
                    f"from {before:>5} labels: median {statistics.median(times):.3f} s, slowest of "
                    f"{count} {max(times):.3f} s; processor {busy:.3f} s an answer, forecasts "
                    "included"
                )
        finally:
            server.kill()


def address_of(server):
    while not (found := re.search(r"http://\S+/", server.stderr.readline())):
        if server.poll() is not None:
            sys.exit("The command ended.")
    return found[0]


def processor_time(process):
    """Returns the seconds that a process has used."""
    ticks = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


class Page:
    """The requests of a browser."""

    def __init__(self, address):
        self.address = address
        self.state = self.ask("state")

    def ask(self, action, **sent):
        data = json.dumps({"client": "benchmark"} | sent).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.address + action, data, headers)
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def answer(self):
        """Gives the label of the folder and returns the seconds until the next image is there."""
        current = self.state["current"]
        started = time.monotonic()
        label = current["name"].split("/")[0]
        self.state = self.ask("answer", rows=[current["row"]], label=label)
        urllib.request.urlopen(f"{self.address}image/{self.state['current']['row']}").read()
        return time.monotonic() - started

    def fill(self, labels, images):
        """Labels images spread over the folder, many at once, up to so many labels."""
        rows = itertools.cycle(range(0, images, max(images // max(labels, 1), 1)))
        missing = labels - self.state["labelled"]
        if missing > 0:
            grid = {each["row"]: each["name"] for each in self.all_images(images)}
            by_class = {}
            for row in itertools.islice(rows, missing):
                if row in grid:
                    by_class.setdefault(grid[row].split("/")[0], []).append(row)
            for label, chosen in by_class.items():
                self.state = self.ask("answer", rows=chosen, label=label)

    def all_images(self, images):
        for start in range(0, images, 60):
            yield from self.ask("grid", kind="rest", start=start)["images"]
