"""Small real tasks: the defaults of `tl-keras train` beside the simple ways.

Of each task, number of labels and seed the ways have the same training, validation and test images
(60, 10 and 30 %), at 224 pixels on MobileNetV2 with ImageNet weights:

- plain: the way of the Keras guide, a frozen base, dropout 0.2 and a Dense layer, Adam 1e-3 for 10
  epochs, mirrored images, the epoch of the lowest validation loss;
- fast, balanced, best: the presets of `tl-keras train`; fast is the logistic regression alone.

Every finished run is a line of OUT/results.jsonl; a second call goes on from there.

    TL_KERAS_DATA=folder python docs/benchmarks/suite.py [--out runs/suite] [--tasks flowers,trash]
        [--labels all,5,10,25] [--seeds 3] [--ways plain,fast,balanced,best]
    ... --pinned      # two tasks, one seed, no `best`: under ten minutes

Writes its section of docs/benchmarks.md and docs/images/suite.png, a pinned run excepted.
"""

import argparse
import json
import os
import subprocess
import sys
import tarfile
import time
from pathlib import Path

from tables import PAGE, machine, replace_section

TASKS = (
    *("bloodcells", "brainmri", "expressions", "flowers", "grocery", "signdigits", "sketch"),
    *("solarcells", "textures", "trash"),
)
WAYS = ("plain", "fast", "balanced", "best")
PINNED = {"tasks": "solarcells,textures", "labels": "5", "seeds": 1, "ways": "plain,fast,balanced"}
SPLIT = "0.6,0.1,0.3"
FIGURES = (
    *("accuracy", "loss", "expected_calibration_error", "calibration_error_by_chance"),
    "seconds",
)


def main():
    given = parse()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if given.plain_child:
        print(json.dumps(plain_keras(*given.plain_child)))
        return
    if "TL_KERAS_DATA" not in os.environ:
        raise SystemExit("Expected TL_KERAS_DATA to name the folder with suite/.")
    out = Path(given.out)
    out.mkdir(parents=True, exist_ok=True)
    known = read(out / "results.jsonl")
    asked = [cell for cell in cells(given) if has_labels(cell, out)]
    for cell in asked:
        if cell not in known:
            known[cell] = run(cell, out)
            with open(out / "results.jsonl", "a", encoding="utf-8") as file:
                file.write(json.dumps([*cell, known[cell]]) + "\n")
            print(*cell, known[cell], flush=True)
    chosen = {cell: known[cell] for cell in asked}
    chosen = with_linear(chosen)
    lines = table(chosen)
    print("\n".join(lines))
    if not given.pinned:
        draw(chosen)
        replace_section("Small real tasks", lines)


def parse():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--out", default="runs/suite")
    options.add_argument("--tasks", default=",".join(TASKS))
    options.add_argument("--labels", default="all,5,10,25", help="per class")
    options.add_argument("--seeds", type=int, default=3, help="how many")
    options.add_argument("--ways", default=",".join(WAYS))
    options.add_argument("--pinned", action="store_true")
    options.add_argument("--plain-child", nargs=3, help=argparse.SUPPRESS)
    given = options.parse_args()
    for name, value in PINNED.items() if given.pinned else ():
        setattr(given, name, value)
    return given


def cells(given):
    """(task, labels per class or "all", seed, way) of each run that is asked for."""
    return [
        (task, labels, seed, way)
        for task in given.tasks.split(",")
        for labels in given.labels.split(",")
        for seed in range(given.seeds)
        for way in given.ways.split(",")
    ]


def has_labels(cell, out):
    """Tells if the smallest class of a task has as many training images as are asked for."""
    task, labels, *_ = cell
    smallest = min(len(list(each.iterdir())) for each in unpacked(task, out).iterdir())
    enough = labels == "all" or int(labels) <= float(SPLIT.split(",")[0]) * smallest
    if not enough:
        print(f"{task}: left out at {labels} labels, its smallest class has {smallest} images")
    return enough


def read(path):
    """{cell: figures} of the runs that are finished."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else ()
    return {tuple(cell): figures for *cell, figures in map(json.loads, lines)}


def run(cell, out):
    """The figures of one run, in a process of its own."""
    task, labels, seed, way = cell
    folder = unpacked(task, out)
    if way == "plain":
        words = [sys.executable, __file__, "--plain-child", str(folder), labels, str(seed)]
        printed = subprocess.run(words, check=True, capture_output=True, text=True).stdout
        return json.loads(printed.splitlines()[-1])
    path = out / f"{task}-{labels}-{seed}-{way}"
    words = [sys.executable, "-m", "tl_keras", "train", "--backbone", "mobilenet_v2"]
    words += ["--data", str(folder), "--preset", way, "--seed", str(seed), "--split", SPLIT]
    words += ["--out", str(path)] + ([] if labels == "all" else ["--labels-per-class", labels])
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    metrics = json.loads((path / "metrics.json").read_text(encoding="utf-8"))
    figures = metrics["test"] | {"seconds": metrics["seconds"]["total"]}
    start = metrics.get("linear_start", {})
    return {name: figures[name] for name in FIGURES} | {
        "untempered": metrics["calibration"]["before"]["expected_calibration_error"],
        "linear": {name: start[name] for name in FIGURES if name in start},
    }


def unpacked(task, out):
    """The folder of a task's images."""
    folder = out / "data" / task
    if not folder.exists():
        archive = Path(os.environ["TL_KERAS_DATA"]) / "suite" / f"{task}.tar.gz"
        with tarfile.open(archive) as tar:
            tar.extractall(out / "data", filter="data")
    return folder


def plain_keras(folder, labels, seed):
    """Trains as the Keras guide on transfer learning does; returns the figures."""
    import keras
    import numpy as np

    from tl_keras import load_dataset
    from tl_keras.evaluation.classifiers.classification import evaluate_predictions

    fractions = tuple(map(float, SPLIT.split(",")))
    train, val, test, _ = load_dataset(
        folder,
        seed=int(seed),
        split_fractions=fractions,
        labels_per_class=None if labels == "all" else int(labels),
    )
    started = time.monotonic()
    keras.utils.set_random_seed(int(seed))
    parts = [
        (np.asarray(part.decoded((224, 224)), np.float32), part.labels)
        for part in (train, val, test)
    ]
    base = keras.applications.MobileNetV2(input_shape=(224, 224, 3), include_top=False)
    base.trainable = False
    inputs = keras.Input((224, 224, 3))
    x = keras.layers.RandomFlip("horizontal")(inputs)
    x = base(keras.layers.Rescaling(1 / 127.5, offset=-1)(x), training=False)
    x = keras.layers.Dropout(0.2)(keras.layers.GlobalAveragePooling2D()(x))
    model = keras.Model(inputs, keras.layers.Dense(train.num_classes, "softmax")(x))
    model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy")
    best = keras.callbacks.ModelCheckpoint(
        f"{folder}.weights.h5", save_best_only=True, save_weights_only=True
    )
    model.fit(*parts[0], validation_data=parts[1], epochs=10, callbacks=[best], verbose=0)
    model.load_weights(f"{folder}.weights.h5")
    probabilities = model.predict(parts[2][0], verbose=0)
    figures = evaluate_predictions(probabilities, test.labels, test.class_names)
    figures["seconds"] = time.monotonic() - started
    return {name: figures[name] for name in FIGURES}


def with_linear(results):
    """The results with the linear starts, which other ways began from, as a way of their own."""
    starts = {
        (*cell[:3], "linear"): figures["linear"]
        for cell, figures in results.items()
        if figures.get("linear")
    }
    return starts | results


def table(results):
    """Lines of Markdown: means over seeds of each task, and of all tasks."""
    ways = list(dict.fromkeys(cell[3] for cell in results))
    groups = list(dict.fromkeys(cell[:2] for cell in results))
    lines = [f"{machine()}. {__doc__.splitlines()[0]} Accuracy in % / log loss / calibration"]
    lines[0] += " error (that of exactly right probabilities, by chance), means over seeds; the"
    lines[0] += " last rows are means over tasks."
    lines += [
        "",
        f"| task, labels per class | {' | '.join(ways)} |",
        "|---" * (len(ways) + 1) + "|",
    ]
    for task, labels in groups:
        row = [
            cell_text([results[c] for c in results if c[:2] == (task, labels) and c[3] == way])
            for way in ways
        ]
        lines.append(f"| {task}, {labels} | {' | '.join(row)} |")
    for labels in dict.fromkeys(group[1] for group in groups):
        row = [
            cell_text([results[c] for c in results if c[1] == labels and c[3] == way])
            for way in ways
        ]
        lines.append(f"| **all tasks, {labels}** | {' | '.join(row)} |")
    return [*lines, "", "![Accuracy ahead of the logistic regression](images/suite.png)"]


def cell_text(figures):
    accuracy, loss, error, chance = (mean(figures, name) for name in FIGURES[:4])
    by_chance = "" if chance is None else f" ({chance:.3f})"
    return f"{100 * accuracy:.1f} / {loss:.3f} / {error:.3f}{by_chance}"


def mean(figures, name):
    """Mean over runs; None where one does not have the figure."""
    if any(name not in each for each in figures):
        return None
    return sum(each[name] for each in figures) / len(figures)


def draw(results):
    """Saves docs/images/suite.png: accuracy ahead of the linear start, one row for each task."""
    from matplotlib.figure import Figure

    ways = [way for way in dict.fromkeys(cell[3] for cell in results) if way != "linear"]
    groups = list(dict.fromkeys(cell[:2] for cell in results))
    figure = Figure(figsize=(7, 1 + 0.25 * len(groups)), layout="constrained")
    axes = figure.add_subplot()
    for way, marker in zip(ways, "oD^s", strict=False):
        ahead = [
            100
            * (
                mean(found(results, group, way), "accuracy")
                - mean(found(results, group, "linear"), "accuracy")
            )
            for group in groups
        ]
        axes.plot(ahead, range(len(groups)), marker, label=way)
    axes.axvline(0, color="0.5")
    axes.set_yticks(range(len(groups)), [f"{task}, {labels}" for task, labels in groups])
    axes.invert_yaxis()
    axes.set_xlabel("accuracy ahead of the logistic regression, points")
    axes.legend()
    figure.savefig(PAGE.parent / "images" / "suite.png", dpi=120)


def found(results, group, way):
    return [figures for cell, figures in results.items() if cell[:2] == group and cell[3] == way]


if __name__ == "__main__":
    main()
