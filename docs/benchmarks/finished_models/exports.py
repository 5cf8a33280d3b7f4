"""Compares the answers of each format of `tl-keras export` with those of model.keras.

A run with `--max-error` is exported to each format: RUN, or one that is trained on the digits. Its
test images are predicted by model.keras and by each runtime, on the same decoded pixels.

    python -m docs.benchmarks exports --run RUN

Runtimes: `pip install 'tl-keras[onnx]' onnxruntime ai-edge-litert`. Writes its section of
docs/benchmarks.md.
"""

import shutil
import time
from pathlib import Path

import numpy as np

from docs.benchmarks.shared.page import machine, replace_section, table_head
from docs.benchmarks.shared.processes import tl_keras

TRAINED = "train --backbone mobilenet_v2 --weights random --data digits --image-size 32 "
TRAINED += "--split 0.5,0.3,0.2 --max-error 0.1 --epochs 3"
NAMES = {"saved_model": "model", "onnx": "model.onnx", "litert": "model.tflite"}


def add_options(options):
    options.add_argument("--run", type=Path, help="one of `tl-keras train --max-error`")
    options.add_argument("--out", type=Path, default=Path("runs/exports"))


def main(given):
    out = given.out
    run = given.run or trained(out / "run")
    shutil.rmtree(out / "exports", ignore_errors=True)
    pixels, expected = from_keras(run)
    rows = [compared(run, out / "exports", format, pixels, expected) for format in NAMES]
    replace_section("Exports that answer the same", section(run, expected, rows))


def trained(path):
    if not (path / "metrics.json").exists():
        tl_keras(*TRAINED.split(), "--out", path)
    return path


def from_keras(run):
    """(float32 (n, h, w, 3), outputs of model.keras) of the run's test images."""
    from tl_keras.jobs.runs.reading.run_splits import own_splits
    from tl_keras.jobs.runs.reading.trained_run import load_run

    run = load_run(run)
    test = own_splits(run, ("test",))[0].test
    batches = test.pipeline(32, image_size=run.image_size)
    pixels = np.concatenate([batch[0].numpy() for batch in batches]).astype(np.float32)
    return pixels, run.answering.predict(pixels, verbose=0)


def compared(run, out, format, pixels, expected):
    """(format, megabytes, decisions that differ, largest difference of probability and novelty,
    milliseconds an image)
    """
    from tl_keras.jobs.finished.export import export

    path = export(run, format=format, out=out / NAMES[format])
    predict = RUNTIMES[format](path)
    predict(pixels[:32])
    started = time.monotonic()
    parts = [predict(pixels[start : start + 32]) for start in range(0, len(pixels), 32)]
    taken = (time.monotonic() - started) / len(pixels)
    found = {name: np.concatenate([part[name] for part in parts]) for name in expected}
    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    differ = {name: np.abs(found[name] - expected[name]).max() for name in expected}
    return (
        format,
        sum(file.stat().st_size for file in files) / 1e6,
        int((found["answer"] != expected["answer"]).sum()),
        differ["probabilities"],
        differ["novelty"],
        1000 * taken,
    )


def saved_model(path):
    import tensorflow as tf

    model = tf.saved_model.load(str(path))
    return lambda images: {name: value.numpy() for name, value in model.serve(images).items()}


def onnx(path):
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path))
    names = [output.name for output in session.get_outputs()]
    image = session.get_inputs()[0].name
    return lambda images: dict(zip(names, session.run(names, {image: images}), strict=True))


def litert(path):
    from ai_edge_litert.interpreter import Interpreter

    run = Interpreter(model_path=str(path)).get_signature_runner("serving_default")
    [image] = run.get_input_details()
    return lambda images: run(**{image: images})


RUNTIMES = {"saved_model": saved_model, "onnx": onnx, "litert": litert}


def section(run, expected, rows):
    """Lines of Markdown."""
    answers = expected["answer"]
    lines = [
        f"{machine()}. {len(answers)} test images of {run.name}, on the same decoded pixels; "
        f"{(answers >= 0).sum()} are answered, {(expected['novelty'] > 0).sum()} novel.",
        "",
        *table_head(
            *("format", "MB", "other answers", "probabilities differ by", "novelty by"),
            "ms an image",
        ),
    ]
    for format, size, differ, probability, novelty, milliseconds in rows:
        lines.append(
            f"| {format} | {size:.1f} | {differ} | {probability:.1e} | {novelty:.1e} | "
            f"{milliseconds:.1f} |"
        )
    return [*lines, "", "Command: `python -m docs.benchmarks exports`."]
