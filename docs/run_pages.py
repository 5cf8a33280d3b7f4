"""Runs every `tl-keras` command and every Python block of the documentation.

    python docs/run_pages.py [PAGE ...] [--timeout SECONDS]

The blocks of a page run in order in a folder with small generated images. Lines of `make` and `pip`
are left out. Without ImageNet weights in the Keras cache, files of random weights take their
place, so that no network is needed.
"""

import argparse
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "data" / "README.md"]
BLOCK = re.compile(r"^```(shell|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)
CLASSES = {"cat": "ellipse", "dog": "rectangle", "fish": "line"}
WEIGHTS = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_%d_no_top.h5"
SERVED = "Open http://127.0.0.1:"  # said by a command that serves a page until it is stopped
SIZES = (96, 224)  # that the pages ask for


def main():
    """Runs the pages; returns 1 if a block of one failed, else 0."""
    parser = argparse.ArgumentParser(description="Runs the blocks of the documentation.")
    parser.add_argument("pages", nargs="*", type=Path, metavar="PAGE")
    parser.add_argument("--timeout", type=int, default=1800, help="Seconds a block may take.")
    arguments = parser.parse_args()
    keras_home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_HOME": str(keras_home)}
        if not all(Path(keras_home, "models", WEIGHTS % size).exists() for size in SIZES):
            environment["KERAS_HOME"] = folder
            write_weights(Path(folder, "models"))
        pages = [page.resolve() for page in arguments.pages] or PAGES
        failed = [page for page in pages if not run_page(page, environment, arguments.timeout)]
    return 1 if failed else 0


def blocks_of(page):
    """Returns what a page runs: a list of (line of text, words of the process)."""
    steps = []
    for kind, text in BLOCK.findall(page.read_text(encoding="utf-8")):
        if kind == "python":
            steps.append((f"Python: {text.strip().splitlines()[-1]}", [sys.executable, "-c", text]))
            continue
        for line in text.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words and words[0] == "tl-keras":
                steps.append((" ".join(words), [sys.executable, "-m", "tl_keras", *words[1:]]))
    return steps


def run_page(page, environment, timeout):
    """Runs the blocks of a page in a folder of its own; returns whether all ended well."""
    well = True
    with tempfile.TemporaryDirectory() as folder:
        write_images(Path(folder))
        for text, words in blocks_of(page):
            started = time.monotonic()
            run = label_page if "label" in words[:4] else run_words
            failure = run(words, folder, environment, timeout)
            word = "FAILED" if failure else "ok"
            print(f"{page.name}: {word}, {time.monotonic() - started:.0f} s: {text}", flush=True)
            if failure:
                print(failure[-2000:], flush=True)
                well = False
    return well


def run_words(words, folder, environment, timeout):
    """Runs a process and returns its messages if it failed, else "".

    A command that serves a page is stopped as by Ctrl-C once it serves.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8") as said:
        output = {"stdout": subprocess.DEVNULL, "stderr": said}
        process = subprocess.Popen(words, cwd=folder, env=environment, **output)
        ends, served = time.monotonic() + timeout, False
        while process.poll() is None and time.monotonic() < ends:
            time.sleep(0.2)
            said.seek(0)
            if not served and (served := SERVED in said.read()):
                process.send_signal(signal.SIGINT)
        if process.poll() is None:
            process.kill()
            process.wait()
            return f"more than {timeout} s"
        said.seek(0)
        expected = 128 + signal.SIGINT if served else 0
        return "" if process.returncode == expected else said.read() or "no message"


def label_page(words, folder, environment, timeout):
    """Gives each image on the page of `tl-keras label` the name of its folder, and ends it."""
    options = {"cwd": folder, "env": environment, "text": True}
    server = subprocess.Popen(words, stderr=subprocess.PIPE, **options)
    alarm = threading.Timer(timeout, server.kill)
    alarm.start()
    try:
        said = ""
        while not (found := re.search(r"http://127\S+/", said)):
            said += server.stderr.readline()
            if server.poll() is not None:
                return said or "it ended"
        state = _ask(found[0], "state")
        while current := state["current"]:
            label = current["name"].split("/")[0]
            state = _ask(found[0], "answer", rows=[current["row"]], label=label)
        server.send_signal(signal.SIGINT)
        return "" if server.wait(60) == 128 + signal.SIGINT else server.stderr.read()
    finally:
        alarm.cancel()
        server.kill()


def _ask(address, action, **sent):
    body = json.dumps({"client": "docs"} | sent).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(address + action, body, headers)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def write_images(folder):
    """Writes the folders that the pages name, with generated photographs."""
    rng = np.random.default_rng(0)
    for name in ("images", "labelled", "few-labels", "other-images"):
        count = 10 if name in ("few-labels", "other-images") else 30
        for class_name in CLASSES:
            for number in range(count):
                _write_image(rng, folder / name / class_name / f"{number}.jpg", class_name)
    for name in ("new-images", "more-images", "unlabelled"):
        for number in range(60):
            class_name = list(CLASSES)[number % len(CLASSES)]
            _write_image(rng, folder / name / f"{number}.jpg", class_name)

    write_animals(rng, folder)
    write_sounds(folder)


def write_animals(rng, folder):
    """Writes images of described classes, and the table of their descriptions."""
    rows = ["class,striped,legs,tail", "zebra,1,4,1", "otter,0,4,1", "snake,1,0,1", "worm,0,0,0"]
    rows += ["tiger,1,4,0", "horse,0,4,0"]
    (folder / "animals.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    for index, row in enumerate(rows[1:]):
        path = folder / "animals" / row.split(",")[0]
        for number in range(12):
            _write_image(rng, path / f"{number}.jpg", list(CLASSES)[index % len(CLASSES)])


def write_sounds(folder):
    """Writes the folders of sounds that a page names, with generated tones."""
    from tl_keras.data.sounds.chirps import NAMES, draw_chirp

    for name in NAMES[:3]:
        for number in range(24):
            content = draw_chirp(name, number)
            path = folder / "sounds" / name / f"{number}.wav"
            if number >= 20:
                path = folder / "new-sounds" / f"{name}-{number}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def _write_image(rng, path, class_name):
    """Writes a shape of random colour and place on a noisy background."""
    noise = rng.normal(rng.integers(60, 200, 3), 25, (96, 96, 3)).clip(0, 255)
    image = Image.fromarray(noise.astype(np.uint8))
    left, top = rng.integers(5, 40, 2)
    width, height = rng.integers(25, 50, 2)
    place = [left, top, left + width, top + height]
    colour = tuple(int(value) for value in rng.integers(0, 256, 3))
    getattr(ImageDraw.Draw(image), CLASSES[class_name])(place, fill=colour, width=4)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, quality=95)


def write_weights(folder):
    """Writes random weights of MobileNetV2 under the file names of its ImageNet weights."""
    folder.mkdir(parents=True)
    code = f"""
import keras, h5py
from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group
keras.utils.set_random_seed(0)
for size in {SIZES}:
    model = keras.applications.MobileNetV2((size, size, 3), include_top=False, weights=None)
    with h5py.File({str(folder / WEIGHTS)!r} % size, "w") as file:
        save_weights_to_hdf5_group(file, model)
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


if __name__ == "__main__":
    sys.exit(main())
