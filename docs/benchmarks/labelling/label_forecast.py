"""Forecasts of the accuracy that 2 and 4 times the labels bring, against the one that comes.

Labels are drawn at random or chosen by the page, and a pooled average stands beside the forecast.
The table that forecasts is fitted without the task that it is judged on; with --write, the table of
the package is fitted on all. Each finished curve is a line of --out.

    python -m docs.benchmarks label_forecast --data FOLDER --seeds 6 --out forecasts.jsonl --write

Writes its section of docs/benchmarks.md.
"""

import json
from pathlib import Path

import numpy as np

from docs.benchmarks.labelling.asked_tasks import Task, add_task_options, features_of
from docs.benchmarks.shared.page import machine, replace_section, table_head
from tl_keras.evaluation.labelling import forecast
from tl_keras.evaluation.labelling.forecast import Curve, inputs_of, measure_curve, scale_of
from tl_keras.files import write_json

STARTS = (20, 40, 80, 160, 320)
KINDS = ("random", "chosen")
RIDGE, QUANTILES = 1.0, (0.1, 0.9)


def add_options(options):
    add_task_options(options)
    options.add_argument("--out", type=Path, default=Path("forecasts.jsonl"))
    options.add_argument("--write", action="store_true", help="the table of the package")


def main(given):
    if len(given.tasks) < 2:
        raise SystemExit("Expected two --tasks or more, since each is judged by the others.")
    curves = read_curves(given)
    show_forecasts({kind: judged(curves, kind) for kind in KINDS})
    if given.write:
        write_json(forecast._TABLE, {kind: fitted(curves, kind) for kind in KINDS})


def read_curves(given):
    """Measured curves and the accuracies that came, one line each, resumable."""
    lines = given.out.read_text(encoding="utf-8").splitlines() if given.out.exists() else ()
    rows = list(map(json.loads, lines))
    known = {(row["task"], row["seed"], row["kind"]) for row in rows}
    for seed in range(given.seeds):
        for task in given.tasks:
            for kind in KINDS:
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
        f"Measured {machine()}, `python -m docs.benchmarks label_forecast --data FOLDER`. The "
        "task that is judged is left out of the table that forecasts it. Pooled: held-out "
        "accuracy, and the mean gain of the other tasks with the quantiles of that.",
        "",
        *table_head(
            *("labels", "times", "curves", "in interval", "width", "error", "pooled: in"),
            *("width", "error"),
        ),
    ]
    for kind, rows in found.items():
        for times, (count, values) in rows.items():
            cells = [f"{value:.1%}" for value in values]
            lines.append(f"| {kind} | {times} | {count} | " + " | ".join(cells) + " |")
    replace_section("Forecast of the accuracy with more labels", lines)
