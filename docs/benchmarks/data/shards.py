"""Measures shards: packing, reading beside Keras's own loader, and memory with many images.

CIFAR-10 comes from the folder that TL_KERAS_DATA names. One million images are the same shards,
listed again under other names. Writes its section of docs/benchmarks.md.

    python -m docs.benchmarks shards --million
"""

import json
import statistics
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from docs.benchmarks.shared.data_folder import data_file
from docs.benchmarks.shared.page import machine, replace_section, table_head

ROUNDS = 5
BATCH = 128
NUMBERS = (6_000, 60_000)
MILLION = 1_000_000


def add_options(options):
    options.add_argument("--million", action="store_true", help="an hour more")


def main(given):
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        with tarfile.open(data_file("cifar10.tar.gz")) as archive:
            archive.extractall(folder, filter="data")
        lines = [f"`make benchmark-shards`, {machine()}. CIFAR-10, 60,000 JPEG files of 32 x 32."]
        lines += ["", *packing(folder), "", *reading(folder), ""]
        lines += memory(folder, [*NUMBERS, MILLION] if given.million else NUMBERS)
    replace_section("Shards", lines)


def packing(folder):
    """Images per second of `tl-keras shard`, in a process of its own."""
    lines = table_head("`tl-keras shard`", "images/s", "MB")
    for name, words in (("files", ()), ("pixels", ("--image-size", "32"))):
        words = ("shard", folder / "cifar10", "--out", folder / name, *words)
        last = Done(words).stderr.splitlines()[-1]
        size, rate = last.rsplit(":", 1)[0].split(", ")[-2:]
        lines.append(f"| {name} | {rate.split()[0]} | {size.split()[0]} |")
    return lines


def reading(folder):
    """Images per second of an epoch in a random order, in turns."""
    import keras

    from tl_keras.data.shards.reading import read_shards

    def of_keras():
        return keras.utils.image_dataset_from_directory(
            folder / "cifar10" / "train",
            image_size=(32, 32),
            batch_size=BATCH,
            verbose=False,
        )

    def of_shards(name):
        [part, _] = read_shards(str(folder / name)).values()
        return part.pipeline(BATCH, image_size=(32, 32), training=True)

    ways = {
        "`image_dataset_from_directory`": of_keras,
        "shards of files": lambda: of_shards("files"),
        "shards of pixels": lambda: of_shards("pixels"),
    }
    rates = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, make in ways.items():
            batches, started = make(), time.monotonic()
            count = sum(len(labels) for _, labels in batches)
            rates[name].append(count / (time.monotonic() - started))
    first = statistics.median(rates["`image_dataset_from_directory`"])
    lines = table_head("reading 50,000 images, shuffled", "images/s, median", "times")
    for name, found in rates.items():
        rate = statistics.median(found)
        lines.append(f"| {name} | {rate:,.0f} | {rate / first:.1f} |")
    return lines


def memory(folder, numbers):
    """Peak memory of check, train and predict on so many images."""
    import keras

    from tl_keras import build_small_resnet

    keras.utils.set_random_seed(0)
    build_small_resnet(32, width=8).save(folder / "encoder.keras")
    lines, curves = table_head("images", "command", "seconds", "peak memory, MB"), []
    for number in numbers:
        shards = listed(folder / "pixels", folder / str(number), number)
        run = folder / f"run-{number}"
        settings = ("--backbone", folder / "encoder.keras", "--preset", "fast", "--cache", "disk")
        commands = {
            "check": ("check", shards),
            "train": ("train", "--data", shards, *settings, "--augment", "none", "--out", run),
            "predict": ("predict", run, shards, "--out", folder / "predictions.csv"),
        }
        for name, words in commands.items():
            done = Done(words)
            curve = " ".join(f"{size:.0f}" for size in done.curve[:: max(1, len(done.curve) // 8)])
            lines.append(f"| {number:,} | {name} | {done.seconds:.0f} | {max(done.curve):.0f} |")
            curves.append(f"{number:,} images, {name}: {curve}.")
    return [*lines, "", "Memory in MB over time, in equal steps of each command:", "", *curves[-3:]]


def listed(source, folder, number):
    """Lists the shards of a folder, again and again under other names, for `number` images."""
    from tl_keras.data.shards.layout import INDEX, MANIFEST, NAMES, digest

    folder.mkdir()
    manifest = json.loads((source / MANIFEST).read_text())
    index = np.load(source / INDEX)
    names = (source / NAMES).read_bytes()
    ends = np.cumsum(index["name"])
    shards, entries, found = [], [], b""
    while sum(map(len, entries)) < number:
        some = index[: number - sum(map(len, entries))].copy()
        some["shard"] += len(shards)
        for shard in manifest["shards"]:
            name = f"shard-{len(shards):05d}.tfrecord"
            (folder / name).symlink_to(source / shard["file"])
            shards.append(shard | {"file": name})
        entries.append(some)
        found += names[: ends[len(some) - 1]]
    np.save(folder / INDEX, np.concatenate(entries))
    (folder / NAMES).write_bytes(found)
    sums = {name: digest((folder / name).read_bytes()) for name in (INDEX, NAMES)}
    changed = {"shards": shards, "splits": {"all": number}, "checksums": sums}
    (folder / MANIFEST).write_text(json.dumps(manifest | changed))
    return folder


class Done:
    """A finished command: what it said, its seconds, and its memory in MB each half second."""

    def __init__(self, words):
        started, self.curve = time.monotonic(), []
        process = subprocess.Popen(
            [sys.executable, "-m", "tl_keras", *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        watch = threading.Thread(target=self._watch, args=(process,))
        watch.start()
        _, self.stderr = process.communicate()
        watch.join()
        self.seconds = time.monotonic() - started
        if process.returncode:
            raise SystemExit(f"tl-keras {words[0]} failed: {self.stderr[-2000:]}")

    def _watch(self, process):
        while process.poll() is None:
            try:
                status = Path(f"/proc/{process.pid}/status").read_text()
            except OSError:
                return
            lines = [line for line in status.splitlines() if line.startswith("VmRSS")]
            self.curve += [int(line.split()[1]) / 1e3 for line in lines]
            time.sleep(0.5)
