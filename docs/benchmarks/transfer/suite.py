"""Small real tasks: the defaults of `tl-keras train` beside the simple ways.

The ways have the same training, validation and test images of a task, number of labels and seed
(60, 10 and 30 %). They see them at 224 pixels, on MobileNetV2 with ImageNet weights.

- Plain is the way of the Keras guide: a frozen base, dropout 0.2 and a Dense layer. Adam 1e-3 runs
  for 10 epochs on mirrored images, and the epoch of the lowest validation loss is kept. The base
  gives an image and its mirror image the same features in each epoch, so they are computed once for
  all runs. The seconds are those of the head alone.
- Fast, balanced and best are the presets of `tl-keras train`; fast is the logistic regression.

Every finished run is a line of OUT/results.jsonl; a second call goes on from there.

    TL_KERAS_DATA=folder python -m docs.benchmarks suite --tasks flowers,trash --labels 5,all
    python -m docs.benchmarks suite --pinned      # two tasks, one seed, no `best`: ten minutes

Writes its section of docs/benchmarks.md and docs/images/suite.png, a pinned run excepted.
"""

import json
import time
from pathlib import Path

from docs.benchmarks.shared.data_folder import unpacked
from docs.benchmarks.shared.page import IMAGES, machine, replace_section, table_head
from docs.benchmarks.shared.processes import tl_keras
from docs.benchmarks.shared.results import add_result, read_results
from docs.benchmarks.shared.tasks import SUITE, listed, mirrored_features

WAYS = ("plain", "fast", "balanced", "best")
PINNED = {"tasks": ("solarcells", "textures"), "labels": ("5",), "seeds": 1, "ways": WAYS[:3]}
SPLIT = "0.6,0.1,0.3"
FIGURES = (
    *("accuracy", "loss", "expected_calibration_error", "calibration_error_by_chance"),
    "seconds",
)


def add_options(options):
    options.add_argument("--out", type=Path, default=Path("runs/suite"))
    options.add_argument("--tasks", type=listed, default=",".join(SUITE))
    options.add_argument("--labels", type=listed, default="all,5,10,25", help="per class")
    options.add_argument("--seeds", type=int, default=3, help="how many")
    options.add_argument("--ways", type=listed, default=",".join(WAYS))
    options.add_argument("--pinned", action="store_true")


def main(given):
    for name, value in PINNED.items() if given.pinned else ():
        setattr(given, name, value)
    known = read_results(given.out / "results.jsonl")
    asked = [cell for cell in cells(given) if has_labels(cell, given.out)]
    for cell in asked:
        if cell not in known:
            known[cell] = run(cell, given.out)
            add_result(given.out / "results.jsonl", cell, known[cell])
            print(*cell, known[cell], flush=True)
    chosen = with_linear({cell: known[cell] for cell in asked})
    lines = table(chosen)
    print("\n".join(lines))
    if not given.pinned:
        draw(chosen)
        replace_section("Small real tasks", lines)


def cells(given):
    """(task, labels per class or "all", seed, way) of each run that is asked for."""
    return [
        (task, labels, seed, way)
        for task in given.tasks
        for labels in given.labels
        for seed in range(given.seeds)
        for way in given.ways
    ]


def has_labels(cell, out):
    """Tells if the smallest class of a task has as many training images as are asked for."""
    task, labels, *_ = cell
    smallest = min(len(list(each.iterdir())) for each in unpacked(task, out).iterdir())
    enough = labels == "all" or int(labels) <= float(SPLIT.split(",")[0]) * smallest
    if not enough:
        print(f"{task}: left out at {labels} labels, its smallest class has {smallest} images")
    return enough


def run(cell, out):
    """The figures of one run, in a process of its own."""
    task, labels, seed, way = cell
    folder = unpacked(task, out)
    if way == "plain":
        return plain_keras(task, labels, seed, out)
    path = out / f"{task}-{labels}-{seed}-{way}"
    words = ["train", "--backbone", "mobilenet_v2", "--data", folder, "--preset", way]
    words += ["--seed", seed, "--split", SPLIT, "--out", path]
    tl_keras(*words, *(() if labels == "all" else ("--labels-per-class", labels)))
    metrics = json.loads((path / "metrics.json").read_text(encoding="utf-8"))
    figures = metrics["test"] | {"seconds": metrics["seconds"]["total"]}
    start = metrics.get("linear_start", {})
    return {name: figures[name] for name in FIGURES} | {
        "untempered": metrics["calibration"]["before"]["expected_calibration_error"],
        "linear": {name: start[name] for name in FIGURES if name in start},
    }


def plain_keras(task, labels, seed, out):
    """Trains as the Keras guide on transfer learning does; returns the figures."""
    import keras
    import numpy as np

    from tl_keras import load_dataset
    from tl_keras.data.loading import load_unsplit
    from tl_keras.evaluation.classifiers.classification import evaluate_predictions

    features, _ = mirrored_features(task, out / "features")
    rows = {name: row for row, name in enumerate(load_unsplit(unpacked(task, out))[0].ids)}
    train, val, test, _ = load_dataset(
        unpacked(task, out),
        seed=seed,
        split_fractions=tuple(map(float, SPLIT.split(","))),
        group_by="duplicates",  # as `tl-keras train` does by itself
        labels_per_class=None if labels == "all" else int(labels),
    )
    views = [features[:, [rows[name] for name in part.ids]] for part in (train, val, test)]
    started = time.monotonic()
    keras.utils.set_random_seed(seed)
    inputs = keras.Input(features.shape[2:])
    x = keras.layers.Dropout(0.2)(inputs)
    model = keras.Model(inputs, keras.layers.Dense(train.num_classes, "softmax")(x))
    model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy")
    random, images = np.random.default_rng(seed), np.arange(len(train))
    lowest, weights = np.inf, model.get_weights()
    for _ in range(10):
        mirrored = random.integers(0, 2, len(train))
        model.fit(views[0][mirrored, images], train.labels, verbose=0)
        loss = model.evaluate(views[1][0], val.labels, verbose=0)
        if loss < lowest:
            lowest, weights = loss, model.get_weights()
    model.set_weights(weights)
    probabilities = model.predict(views[2][0], verbose=0)
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
    lines = [
        f"{machine()}. {__doc__.splitlines()[0]} Accuracy in % / log loss / calibration error "
        "(that of exactly right probabilities, by chance) / seconds, means over seeds; the last "
        "rows are means over tasks.",
        "",
        *table_head("task, labels per class", *ways),
    ]
    for task, labels in groups:
        row = [cell_text(found(results, (task, labels), way)) for way in ways]
        lines.append(f"| {task}, {labels} | {' | '.join(row)} |")
    for labels in dict.fromkeys(group[1] for group in groups):
        tasks = [group for group in groups if group[1] == labels]
        row = [cell_text([means(found(results, group, way)) for group in tasks]) for way in ways]
        lines.append(f"| **all tasks, {labels}** | {' | '.join(row)} |")
    return [*lines, "", "![Accuracy ahead of the logistic regression](images/suite.png)"]


def cell_text(figures):
    accuracy, loss, error, chance = (mean(figures, name) for name in FIGURES[:4])
    by_chance = "" if chance is None else f" ({chance:.3f})"
    seconds = mean(figures, "seconds")
    return f"{100 * accuracy:.1f} / {loss:.3f} / {error:.3f}{by_chance} / {seconds:.0f}"


def means(figures):
    """Means of the figures over runs, for a mean in which tasks count alike."""
    values = {name: mean(figures, name) for name in FIGURES}
    return {name: value for name, value in values.items() if value is not None}


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
    figure.savefig(IMAGES / "suite.png", dpi=120)


def found(results, group, way):
    return [figures for cell, figures in results.items() if cell[:2] == group and cell[3] == way]
