"""Labels that `tl-keras label` needs for the accuracy of random choice, as a share of these.

The true labels answer in the place of a person, in tasks of which 30 % of the images are set aside
to measure on. Features of MobileNetV2 are kept in --features.

    python -m docs.benchmarks label_choice --data FOLDER --seeds 10 --tasks trash,flowers

Writes its section of docs/benchmarks.md.
"""

import numpy as np

from docs.benchmarks.labelling.asked_tasks import Task, add_task_options, features_of
from docs.benchmarks.shared.page import machine, replace_section, table_head

# The settings of the choice were chosen on eight splits of these.
CHOSEN_ON = ("bloodcells", "brainmri", "flowers", "sketch", "textures", "trash")
LEVELS, SIZES = (40, 80, 160), tuple(range(10, 161, 5))
ORDERS = 3  # random ones of a split, whose mean is compared with
NEVER = 1.3  # share of an accuracy that is not reached


def add_options(options):
    add_task_options(options)


def main(given):
    show_choice({task: choice(task, given) for task in given.tasks}, given.seeds)


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
    lines = [
        f"Measured {machine()}, `python -m docs.benchmarks label_choice --data FOLDER`, means "
        f"of {seeds} splits. Accuracy of random choice > of the images that the page asks for; in "
        "brackets, the labels that it needs for the accuracy of random choice there, as a share of "
        "these.",
        "",
        *table_head("task", *(f"{level} labels" for level in LEVELS)),
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
    replace_section("Images to label next", lines)
