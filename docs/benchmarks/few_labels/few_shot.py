"""Few labelled images of each class on the frozen features of MobileNetV2.

Of each task and number of labels, 20 support sets are drawn; all other images are queries. Every
classifier sees the same features, at 224 pixels and of length 1, of each image and, of colour
images, its mirror image. `nearest` is the opponent, `auto` the default of `tl-keras few-shot`.
Intervals (95 %) are over draws of the support; differences are paired by draw. Features are
computed once for a task and kept in OUT. Every finished draw is a line of OUT/results.jsonl; a
second call goes on from there.

    TL_KERAS_DATA=folder python -m docs.benchmarks few_shot --tasks cat_breeds,flowers --labels 5

Writes its section of docs/benchmarks.md and docs/images/few_shot.png.
"""

import time
from functools import cache
from pathlib import Path

import numpy as np

from docs.benchmarks.shared.data_folder import unpacked
from docs.benchmarks.shared.page import IMAGES, machine, replace_section, table_head
from docs.benchmarks.shared.results import add_result, computed_once, read_results
from docs.benchmarks.shared.tasks import listed

CHOSEN_ON = ("flowers", "textures", "brainmri", "trash", "expressions")
TASKS = ("cat_breeds", "bloodcells", "grocery", "signdigits", "sketch", "solarcells", *CHOSEN_ON)
METHODS = ("auto", "prototype", "ridge", "logistic", "nearest")
MAIN = 5  # labels of each class in the table


def add_options(options):
    options.add_argument("--out", type=Path, default=Path("runs/few-shot-benchmark"))
    options.add_argument("--tasks", type=listed, default=",".join(TASKS))
    options.add_argument("--labels", type=listed, default="5,1,2,10", help="of each class")
    options.add_argument("--draws", type=int, default=20)


def main(given):
    known = read_results(given.out / "results.jsonl")
    asked = [
        (task, labels, draw)
        for labels in map(int, given.labels)
        for task in given.tasks
        for draw in range(given.draws)
    ]
    for cell in asked:
        if cell not in known:
            known[cell] = measured(*features_of(cell[0], given.out), *cell[1:])
            add_result(given.out / "results.jsonl", cell, known[cell])
            print(*cell, {name: round(row[0], 3) for name, row in known[cell].items()}, flush=True)
    results = {cell: known[cell] for cell in asked}
    draw_curves(results)
    replace_section("Few examples of each class", section(results))


@cache
def features_of(task, out):
    """(features (2, n, 1280), labels (n,)) of a task, computed once."""
    kept = computed_once(out / f"{task}.npz", lambda: computed(unpacked(task, out)))
    return kept["features"], kept["labels"]


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
        *table_head("task", *METHODS, "auto ahead of nearest"),
        *(row_of(results, task) for task in tasks),
        "",
        *table_head("all tasks, labels of each class", *METHODS, "auto ahead of nearest"),
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
    half = "" if found.half is None else f" ± {100 * found.half:.1f}"
    return f"{100 * found.mean:.1f}{half}"


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
    figure.savefig(IMAGES / "few_shot.png", dpi=120)
