"""Few labelled images of each class on the frozen features of MobileNetV2.

Of each task and number of labels, 20 support sets are drawn; all other images are queries. Every
classifier sees the same features, at 224 pixels and of length 1, of each image and, of colour
images, its mirror image. `nearest` is the opponent, `auto` the default of `tl-keras few-shot`.
Intervals (95 %) are over draws of the support; differences are paired by draw. Features are
computed once for a task and kept in OUT. Every finished draw is a line of OUT/results.jsonl; a
second call goes on from there.

    TL_KERAS_DATA=folder python docs/benchmarks/few_shot.py [--out runs/few-shot-benchmark]
        [--tasks cat_breeds,flowers] [--labels 1,2,5,10] [--draws 20]

Writes its section of docs/benchmarks.md and docs/images/few_shot.png.
"""

import argparse
import json
import os
import tarfile
import time
from pathlib import Path

import numpy as np
from tables import PAGE, machine, replace_section

CHOSEN_ON = ("flowers", "textures", "brainmri", "trash", "expressions")
TASKS = ("cat_breeds", "bloodcells", "grocery", "signdigits", "sketch", "solarcells", *CHOSEN_ON)
METHODS = ("auto", "prototype", "ridge", "logistic", "nearest")
MAIN = 5  # labels of each class in the table


def main():
    given = parse()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if "TL_KERAS_DATA" not in os.environ:
        raise SystemExit("Expected TL_KERAS_DATA to name the folder with cat_breeds and suite/.")
    out = Path(given.out)
    out.mkdir(parents=True, exist_ok=True)
    known = read(out / "results.jsonl")
    asked = [
        (task, labels, draw)
        for labels in map(int, given.labels.split(","))
        for task in given.tasks.split(",")
        for draw in range(given.draws)
    ]
    with open(out / "results.jsonl", "a", encoding="utf-8") as file:
        for cell in asked:
            if cell not in known:
                known[cell] = measured(*features_of(cell[0], out), *cell[1:])
                file.write(json.dumps([*cell, known[cell]]) + "\n")
                file.flush()
                print(*cell, {name: round(row[0], 3) for name, row in known[cell].items()})
    results = {cell: known[cell] for cell in asked}
    draw_curves(results)
    replace_section("Few examples of each class", section(results))


def parse():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--out", default="runs/few-shot-benchmark")
    options.add_argument("--tasks", default=",".join(TASKS))
    options.add_argument("--labels", default="5,1,2,10", help="of each class")
    options.add_argument("--draws", type=int, default=20)
    return options.parse_args()


def read(path):
    """{(task, labels, draw): {method: [accuracy, log loss, seconds]}} of a file of results."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return {tuple(row[:3]): row[3] for row in map(json.loads, lines)}


_FEATURES = {}


def features_of(task, out):
    """(features (2, n, 1280), labels (n,)) of a task, computed once."""
    if task not in _FEATURES:
        path = out / f"{task}.npz"
        if not path.exists():
            np.savez(path, **computed(unpacked(task, out)))
        with np.load(path) as stored:
            _FEATURES[task] = stored["features"], stored["labels"]
    return _FEATURES[task]


def unpacked(task, out):
    """The folder of the images of a task."""
    folder = out / "data" / task
    if not folder.is_dir():
        data = Path(os.environ["TL_KERAS_DATA"])
        packed = next(
            p for p in (data / f"{task}.tar.gz", data / "suite" / f"{task}.tar.gz") if p.exists()
        )
        with tarfile.open(packed) as file:
            file.extractall(folder.parent, filter="data")
    return folder


def computed(folder):
    from tl_keras import SupportClassifier
    from tl_keras.data.loading import load_unsplit
    from tl_keras.data.pipelines.augmentation_presets import mirrors

    images, _ = load_unsplit(str(folder))
    started = time.monotonic()
    classifier = SupportClassifier("mobilenet_v2", mirror=mirrors("auto", images))
    features = classifier.features(images)
    print(f"{folder.name}: {len(images)} images, {time.monotonic() - started:.0f} s of features")
    return {"features": features, "labels": images.labels}


def measured(features, labels, per_class, draw):
    """{method: [accuracy, log loss, seconds of fit and prediction]} of one support set."""
    from tl_keras import SupportClassifier

    random = np.random.default_rng([draw, per_class])
    classes = [np.flatnonzero(labels == c) for c in range(labels.max() + 1)]
    support = np.concatenate([random.choice(rows, per_class, replace=False) for rows in classes])
    query = np.setdiff1d(np.arange(len(labels)), support)
    figures = {}
    for method in METHODS[1:]:
        started = time.monotonic()
        classifier = SupportClassifier(method=method)
        classifier.fit_support(features[:, support], labels[support])
        probabilities = classifier.predict_proba(features[:, query])
        taken = time.monotonic() - started
        right = np.maximum(probabilities[np.arange(len(query)), labels[query]], 1e-7)
        accuracy = float((probabilities.argmax(axis=1) == labels[query]).mean())
        figures[method] = [accuracy, float(-np.log(right).mean()), taken]
    return {"auto": figures[SupportClassifier().chosen], **figures}


def section(results):
    """Lines of Markdown."""
    tasks = list(dict.fromkeys(cell[0] for cell in results))
    slowest = max(row[2] for figures in results.values() for row in figures.values())
    return [
        f"{machine()}. Accuracy in % (and log loss) at {MAIN} labels of each class, means over "
        f"{draws_of(results)} draws of the support with 95 % intervals, MobileNetV2 with ImageNet "
        f"weights. Fit and prediction together took at most {slowest:.1f} s after the features. "
        f"Defaults were chosen on {', '.join(CHOSEN_ON)} (starred), after a first look at "
        f"cat_breeds too. {unseen(results)}",
        "",
        f"| task | {' | '.join(METHODS)} | auto ahead of nearest |",
        "|---" * (len(METHODS) + 2) + "|",
        *(row_of(results, task) for task in tasks),
        "",
        "| all tasks, labels of each class | " + " | ".join(METHODS) + " | auto ahead of nearest |",
        "|---" * (len(METHODS) + 2) + "|",
        *(mean_row(results, labels) for labels in sorted({cell[1] for cell in results})),
        "",
        "![Accuracy by labels of each class](images/few_shot.png)",
    ]


def unseen(results):
    """Sentence on the tasks that took no part in a choice."""
    tasks = [t for t in dict.fromkeys(cell[0] for cell in results) if t not in CHOSEN_ON]
    ahead = [
        column(results, task, MAIN, "auto").mean() - column(results, task, MAIN, "nearest").mean()
        for task in tasks
    ]
    return f"On the other {len(tasks)} tasks auto is {percent(ahead)} points ahead of nearest."


def draws_of(results):
    return 1 + max(cell[2] for cell in results)


def column(results, task, labels, method, figure=0):
    """A figure of each draw, float (draws,)."""
    cells = [cell for cell in results if cell[:2] == (task, labels)]
    return np.array([results[cell][method][figure] for cell in cells])


def row_of(results, task):
    cells = []
    for method in METHODS:
        loss = column(results, task, MAIN, method, 1).mean()
        cells.append(f"{percent(column(results, task, MAIN, method))} ({loss:.2f})")
    ahead = column(results, task, MAIN, "auto") - column(results, task, MAIN, "nearest")
    star = "*" if task in CHOSEN_ON else ""
    return f"| {task}{star} | {' | '.join(cells)} | {percent(ahead)} |"


def mean_row(results, labels):
    """Means over tasks; the interval of the difference is over tasks."""
    tasks = list(dict.fromkeys(cell[0] for cell in results))
    means = {m: np.array([column(results, t, labels, m).mean() for t in tasks]) for m in METHODS}
    cells = [f"{100 * means[method].mean():.1f}" for method in METHODS]
    return f"| {labels} | {' | '.join(cells)} | {percent(means['auto'] - means['nearest'])} |"


def percent(values):
    from tl_keras.evaluation.statistics.intervals import mean_interval

    found = mean_interval(values)
    return f"{100 * found.mean:.1f} ± {100 * found.half:.1f}"


def draw_curves(results):
    """Saves docs/images/few_shot.png: accuracy by labels of each class, a panel for each task."""
    from matplotlib.figure import Figure

    tasks = list(dict.fromkeys(cell[0] for cell in results))
    numbers = sorted({cell[1] for cell in results})
    rows = -(-len(tasks) // 4)
    figure = Figure(figsize=(10, 2.3 * rows), layout="constrained")
    panels = figure.subplots(rows, 4, sharex=True, squeeze=False).ravel()
    for panel in panels[len(tasks) :]:
        panel.axis("off")
    for panel, task in zip(panels, tasks, strict=False):
        for method, style in zip(METHODS[1:], ("^--", "s--", "o-", "x:"), strict=True):
            means = [100 * column(results, task, n, method).mean() for n in numbers]
            panel.plot(numbers, means, style, label=method, markersize=4, linewidth=1.2)
        panel.set_xscale("log")
        panel.set_xticks(numbers, map(str, numbers))
        panel.minorticks_off()
        panel.set_title(task, fontsize=10)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    figure.supxlabel("labelled images of each class")
    figure.supylabel("accuracy, %")
    figure.savefig(PAGE.parent / "images" / "few_shot.png", dpi=120)


if __name__ == "__main__":
    main()
