"""Simulates `tl-keras label` with the true labels as the person, and measures its forecast.

Of each task 30 % of the images are set aside to measure on; the others are asked for.

- choice: labels that the page needs for the accuracy that random choice has at 40, 80 and 160,
  as a share of these;
- enough: forecasts of the accuracy with 2 and 4 times the labels, from random and chosen labels,
  beside a pooled average. The table that forecasts is fitted without the task that it is judged
  on; with --write, the table of the package is fitted on all.

The tasks are those of suite/ in the folder that TL_KERAS_DATA names, cat_breeds, cats_vs_dogs and
the test images of cifar10, unpacked below --data. Features of MobileNetV2 are kept in --features.

    python docs/benchmarks/labelling.py choice --data FOLDER [--seeds 10] [--tasks trash,flowers]
    python docs/benchmarks/labelling.py enough --data FOLDER [--seeds 6] [--out FILE] [--write]
"""

import argparse
import json
from pathlib import Path

import numpy as np
from tables import PAGE, machine, replace_section

from tl_keras.data.loading import load_unsplit
from tl_keras.evaluation.encoders.probes import extract_features
from tl_keras.evaluation.labelling import forecast
from tl_keras.evaluation.labelling.forecast import Curve, inputs_of, measure_curve, scale_of
from tl_keras.evaluation.labelling.head import head_probabilities, unit_rows
from tl_keras.evaluation.labelling.labelling import Labelling
from tl_keras.files import write_json
from tl_keras.jobs.features.encoder_features import build_encoder

TASKS = (
    *("bloodcells", "brainmri", "expressions", "flowers", "grocery", "signdigits", "sketch"),
    *("solarcells", "textures", "trash", "cat_breeds", "cats_vs_dogs", "cifar10/test"),
)
# The settings of the choice were chosen on eight splits of these.
CHOSEN_ON = ("bloodcells", "brainmri", "flowers", "sketch", "textures", "trash")
HELD_OUT, MOST = 0.3, 4000  # images of a task that are used at most
LEVELS, SIZES = (40, 80, 160), tuple(range(10, 161, 5))
ORDERS = 3  # random ones of a split, whose mean is compared with
STARTS = (20, 40, 80, 160, 320)
NEVER = 1.3  # share of an accuracy that is not reached
RIDGE, QUANTILES = 1.0, (0.1, 0.9)


def main():
    given = parse()
    if given.part == "choice":
        show_choice({task: choice(task, given) for task in given.tasks.split(",")}, given.seeds)
    else:
        curves = read_curves(given)
        show_forecasts({kind: judged(curves, kind) for kind in ("random", "chosen")})
        if given.write:
            write_json(
                forecast._TABLE, {kind: fitted(curves, kind) for kind in ("random", "chosen")}
            )


def parse():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("part", choices=("choice", "enough"))
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--features", type=Path, default=Path("task-features"))
    options.add_argument("--tasks", default=",".join(TASKS))
    options.add_argument("--seeds", type=int, default=5)
    options.add_argument("--out", type=Path, default=Path("forecasts.jsonl"))
    options.add_argument("--write", action="store_true")
    return options.parse_args()


def features_of(task, given):
    """(features (n, d), labels) of a task, computed once."""
    file = given.features / f"{task.replace('/', '_')}.npz"
    if not file.is_file():
        images, _ = load_unsplit(given.data / task)
        features = extract_features(build_encoder("mobilenet_v2", images), images)
        given.features.mkdir(parents=True, exist_ok=True)
        np.savez(file, features=features, labels=images.labels)
    with np.load(file) as arrays:
        rows = np.random.default_rng(0).permutation(len(arrays["labels"]))[:MOST]
        return arrays["features"][rows], arrays["labels"][rows]


class Task:
    """Images to ask for and images to measure on, for one seed.

    The directions of the features come from all images, since none needs a label.
    """

    def __init__(self, features, labels, seed):
        order = np.random.default_rng(100 + seed).permutation(len(labels))
        held = int(HELD_OUT * len(labels))
        rows = unit_rows(features[order])
        self.labels, self.test_labels = labels[order[held:]], labels[order[:held]]
        self.rows, self.test_rows = rows[held:], rows[:held]
        self.num_classes, self.seed = int(labels.max()) + 1, seed

    def asked_for(self, count, chosen, at_once=5):
        """Rows in the order in which their labels are given."""
        if not chosen:
            return np.random.default_rng(self.seed).permutation(len(self.rows))[:count]
        labelling = Labelling(self.rows)
        while len(labelling.answers) < count:
            for row in labelling.next(min(at_once, count - len(labelling.answers))):
                labelling.answer(row, int(self.labels[row]))
        return np.array(list(labelling.answers))

    def accuracy(self, asked):
        known = self.rows[asked], self.labels[asked]
        found = head_probabilities(*known, self.test_rows, self.num_classes)
        return float((found.argmax(axis=1) == self.test_labels).mean())


def choice(task, given):
    """{"random", "chosen"}: accuracies (seeds, sizes)"""
    features, labels = features_of(task, given)
    curves = {"random": [], "chosen": []}
    for seed in range(given.seeds):
        here = Task(features, labels, seed)
        chosen = here.asked_for(SIZES[-1], chosen=True)
        orders = [
            np.random.default_rng([seed, k]).permutation(len(here.rows)) for k in range(ORDERS)
        ]
        found = [[here.accuracy(order[:size]) for size in SIZES] for order in orders]
        curves["random"].append(np.mean(found, axis=0))
        curves["chosen"].append([here.accuracy(chosen[:size]) for size in SIZES])
    return {kind: np.array(found) for kind, found in curves.items()}


def labels_for(curve, accuracy):
    """Labels at which a mean curve first has an accuracy, on the line between its points.

    NaN if it never has it.
    """
    reached = np.maximum.accumulate(curve)
    if reached[-1] < accuracy:
        return float("nan")
    at = int((reached >= accuracy).argmax())
    if at == 0:
        return float(SIZES[0])
    share = (accuracy - reached[at - 1]) / (reached[at] - reached[at - 1])
    return SIZES[at - 1] + share * (SIZES[at] - SIZES[at - 1])


def show_choice(found, seeds):
    title = [f"{level} labels" for level in LEVELS]
    lines = [
        f"Measured {machine()}, `python docs/benchmarks/labelling.py choice`, means of {seeds} "
        "splits. Accuracy of random choice > of the images that the page asks for; in brackets, "
        "the labels that it needs for the accuracy of random choice there, as a share of these.",
        "",
        "| task | " + " | ".join(title) + " |",
        "|---" * 4 + "|",
    ]
    every = []
    for task, curves in found.items():
        random, chosen = curves["random"].mean(axis=0), curves["chosen"].mean(axis=0)
        cells, shares = [], []
        for level in LEVELS:
            at = SIZES.index(level)
            shares.append(labels_for(chosen, random[at]) / level)
            lead = curves["chosen"][:, at] - curves["random"][:, at]
            behind = " behind" if lead.mean() < -2 * lead.std(ddof=1) / len(lead) ** 0.5 else ""
            cells.append(f"{random[at]:.1%} > {chosen[at]:.1%} ({shares[-1]:.2f}){behind}")
        every.append(shares)
        lines.append(f"| {task} | " + " | ".join(cells) + " |")
    missing = np.isnan(every).sum()
    shares = np.nan_to_num(np.array(every), nan=NEVER)
    fresh = np.array([task not in CHOSEN_ON for task in found])
    for name, rows in (("mean", shares), ("mean of the tasks not chosen on", shares[fresh])):
        means = rows.mean(axis=0) if len(rows) else ()
        lines.append(f"| {name} | " + " | ".join(f"({mean:.2f})" for mean in means) + " |")
    lines += [
        "",
        f"Mean of all: {shares.mean():.2f}. Not reached with 160 labels, and counted as {NEVER}: "
        f"{missing}. The settings of the choice were chosen on {', '.join(CHOSEN_ON)}.",
    ]
    replace_section("Images to label next", lines, PAGE)


def read_curves(given):
    """Measured curves and the accuracies that came, one line each, resumable."""
    lines = given.out.read_text(encoding="utf-8").splitlines() if given.out.exists() else ()
    rows = list(map(json.loads, lines))
    known = {(row["task"], row["seed"], row["kind"]) for row in rows}
    for seed in range(given.seeds):
        for task in given.tasks.split(","):
            for kind in ("random", "chosen"):
                if (task, seed, kind) not in known:
                    new = list(curves_of(task, seed, kind, given))
                    rows += new
                    with open(given.out, "a", encoding="utf-8") as file:
                        file.writelines(json.dumps(row) + "\n" for row in new)
    return rows


def curves_of(task, seed, kind, given):
    features, labels = features_of(task, given)
    here = Task(features, labels, 500 + seed)
    starts = [start for start in STARTS if 2 * start <= len(here.rows)]
    sizes = [s * t for s in starts for t in forecast.TIMES if s * t <= len(here.rows)]
    asked = here.asked_for(max(sizes), kind == "chosen", at_once=10)
    came = {size: here.accuracy(asked[:size]) for size in sizes}
    for start in starts:
        known = here.rows[asked[:start]], here.labels[asked[:start]]
        others = np.delete(here.rows, asked[:start], axis=0) if kind == "chosen" else None
        curve = measure_curve(*known, here.num_classes, others=others, seed=seed)
        shown = {**vars(curve), "right": None}
        accuracies = [came.get(start * times) for times in forecast.TIMES]
        yield {"task": task, "seed": seed, "kind": kind, "curve": shown, "came": accuracies}


def of_kind(rows, kind, at):
    """(tasks, curves, accuracies that came) of the rows that have the wanted size."""
    chosen = [row for row in rows if row["kind"] == kind and row["came"][at] is not None]
    curves = [Curve(**row["curve"]) for row in chosen]
    return (
        np.array([row["task"] for row in chosen]),
        curves,
        np.array([row["came"][at] for row in chosen]),
    )


def regression(inputs, came):
    """Weights of a ridge regression of the log odds; the constant has no penalty."""
    penalty = RIDGE * np.diag([0.0, *np.ones(inputs.shape[1] - 1)])
    odds = np.log((came + 1e-4) / (1 - came + 1e-4))
    return np.linalg.solve(inputs.T @ inputs + penalty, inputs.T @ odds)


def expected(inputs, weights):
    return 1 / (1 + np.exp(-inputs @ weights))


def one_row(tasks, inputs, labels, came):
    """Weights, and quantiles of the errors on tasks that were left out."""
    errors = []
    for task in np.unique(tasks):
        out = tasks == task
        guess = expected(inputs[out], regression(inputs[~out], came[~out]))
        errors += list((came[out] - guess) / scale_of(guess, labels[out]))
    low, high = np.quantile(errors, QUANTILES)
    return {"weights": regression(inputs, came).tolist(), "low": float(low), "high": float(high)}


def fitted(rows, kind):
    """{times: row of the table}"""
    table = {}
    for at, times in enumerate(forecast.TIMES):
        tasks, curves, came = of_kind(rows, kind, at)
        table[str(times)] = one_row(tasks, *as_arrays(curves), came)
    return table


def judged(rows, kind):
    """{times: (curves, [in the interval, width, error; the same of the pooled average])}

    Neither was fitted on the task that it is judged on.
    """
    result = {}
    for at, times in enumerate(forecast.TIMES):
        tasks, curves, came = of_kind(rows, kind, at)
        data = as_arrays(curves)
        now = np.array([curve.accuracies[-1] for curve in curves])
        found = []
        for task in np.unique(tasks):
            out = tasks == task
            row = one_row(tasks[~out], *(each[~out] for each in data), came[~out])
            guess = expected(data[0][out], np.array(row["weights"]))
            size = scale_of(guess, data[1][out])
            ours = figures(guess, row["low"] * size, row["high"] * size, came[out])
            gains = (came - now)[~out]
            middle = now[out] + gains.mean()
            low, high = np.quantile(gains, QUANTILES) - gains.mean()
            found.append(np.hstack([ours, figures(middle, low, high, came[out])]))
        result[times] = len(came), np.concatenate(found).mean(axis=0)
    return result


def as_arrays(curves):
    """(inputs of the regression, number of labels)"""
    return np.stack(list(map(inputs_of, curves))), np.array([c.labels for c in curves])


def figures(guess, below, above, came):
    """Array (n, 3): in the interval, width, absolute error."""
    low, high = np.clip(guess + below, 0, 1), np.clip(guess + above, 0, 1)
    return np.stack([(low <= came) & (came <= high), high - low, np.abs(guess - came)], axis=1)


def show_forecasts(found):
    lines = [
        f"Measured {machine()}, `python docs/benchmarks/labelling.py enough`. The task that is "
        "judged is left out of the table that forecasts it. Pooled: held-out accuracy, and the "
        "mean gain of the other tasks with the quantiles of that.",
        "",
        "| labels | times | curves | in interval | width | error | pooled: in | width | error |",
        "|---" * 9 + "|",
    ]
    for kind, rows in found.items():
        for times, (count, values) in rows.items():
            cells = [f"{value:.1%}" for value in values]
            lines.append(f"| {kind} | {times} | {count} | " + " | ".join(cells) + " |")
    replace_section("Forecast of the accuracy with more labels", lines, PAGE)


if __name__ == "__main__":
    main()
