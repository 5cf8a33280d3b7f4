"""Counts how often the promised error of `tl-keras train --max-error` holds.

Each task is split 200 times (50 % training, 30 % validation, 20 % test of each class). A logistic
regression is fitted on the features of MobileNetV2, with a strength that is chosen once a task.
Its temperature, the limit of novelty and the least certainty are chosen on validation images. The
error among the answers is counted on test images. A split breaks its promise if its test errors
are more than the promised error allows: P(Binomial(answers, promised) >= errors) < 5 %.

    TL_KERAS_DATA=folder python -m docs.benchmarks promised_error --tasks flowers,trash --splits 200

The outputs of every task are kept in OUT; a second call goes on from there. Writes its section of
docs/benchmarks.md. The quarter of the images from which the tests start was chosen on `CHOSEN_ON`.
"""

import numpy as np

from docs.benchmarks.shared.page import machine, replace_section, table_head
from docs.benchmarks.shared.results import computed_once
from docs.benchmarks.shared.tasks import mirrored_features
from docs.benchmarks.trust.frozen_features import (
    add_task_options,
    fit_regression,
    novelty_function,
)

CHOSEN_ON = ("brainmri", "cat_breeds", "cats_vs_dogs", "flowers", "textures", "trash")
PROMISES = (0.02, 0.05, 0.1, 0.2)
SHARES = (0.5, 0.8)  # places that part training, validation and test


def add_options(options):
    add_task_options(options)
    options.add_argument("--splits", type=int, default=200)


def main(given):
    results = {}
    for task in given.tasks:

        def compute(task=task):
            return drawn(*mirrored_features(task, given.out / "features"), given.splits)

        kept = computed_once(given.out / f"splits-{task}.npz", compute)
        results[task] = [(kept[f"va{seed}"], kept[f"te{seed}"]) for seed in range(given.splits)]
        for promise in PROMISES:
            print(task, promise, *summary(results[task], promise), flush=True)
    replace_section("A promised error rate", section(results))


def drawn(views, labels, splits):
    """{"va0", "te0", "va1", ...}: rows (confidence, novelty, right) by image, of each split."""
    found, strength = {}, None
    for seed in range(splits):
        train, val, test = parts(labels, seed)
        fitted, strength = fit_regression(views[:, train], labels[train], strength)
        outputs = predictor(fitted, views, labels, train, val)
        for name, rows in (("va", val), ("te", test)):
            probabilities, novelty = outputs(rows)
            right = probabilities.argmax(axis=1) == labels[rows]
            found[f"{name}{seed}"] = np.stack([probabilities.max(axis=1), novelty, right])
    return found


def parts(labels, seed):
    """Rows of training, validation and test, of each class its share."""
    random, found = np.random.default_rng([seed, 77]), ([], [], [])
    for label in range(labels.max() + 1):
        rows = random.permutation(np.flatnonzero(labels == label))
        ends = [round(share * len(rows)) for share in SHARES]
        for part, chosen in zip(found, np.split(rows, ends), strict=True):
            part.append(chosen)
    return [np.concatenate(part) for part in found]


def predictor(fitted, views, labels, train, val):
    """A function of rows: (calibrated probabilities, novelty without a limit)."""
    from scipy.special import softmax

    from tl_keras.training.temperature import fit_temperature, tempered

    def raw(rows):
        return softmax(views[:, rows] @ fitted.kernel + fitted.bias, axis=-1)

    temperature = fit_temperature(raw(val), labels[val])
    novelty = novelty_function(views[0, train])

    def outputs(rows):
        probabilities = tempered(raw(rows), temperature)
        return probabilities, novelty(views[:, rows], probabilities)

    return outputs


def summary(splits, promise):
    """(share answered, errors among all answers, broken promises, splits without an answer)"""
    rows = np.array([answered(val, test, promise) for val, test in splits])
    images, given, errors, broken = rows.T
    shown = given.sum() and errors.sum() / given.sum()
    return (given / images).mean(), shown, broken.mean(), (given == 0).mean()


def answered(val, test, promise):
    """(test images, answers, wrong ones, whether the promise is broken) of one split."""
    from scipy.stats import binom

    from tl_keras.evaluation.classifiers.selective_error import promised_threshold
    from tl_keras.jobs.train.answering import novelty_limit
    from tl_keras.models.answers.answering_model import NOTHING, certainty

    limit = novelty_limit(val[1])

    def of(rows):
        confidence, novelty, right = rows
        sure = certainty(confidence[:, None], novelty - limit)
        return novelty <= limit, sure, right > 0.5

    known, sure, right = of(val)
    least = promised_threshold(sure[known], right[known], promise).least
    known, sure, right = of(test)
    given = known & (sure >= (NOTHING if least is None else least))
    errors = int((given & ~right).sum())
    count = int(given.sum())
    broken = count > 0 and binom.sf(errors - 1, count, promise) < 0.05
    return len(known), count, errors, broken


def section(results):
    """Lines of Markdown."""
    splits = len(next(iter(results.values())))
    lines = [
        f"{machine()}. MobileNetV2 at 224 pixels, frozen; {splits} splits of a task. A cell: share"
        " of the test images that is answered, errors among all answers, and the splits whose test"
        " errors break the promise. Settings were chosen on the tasks with *.",
        "",
        *table_head("task", "validation images", *(f"at most {p:.0%}" for p in PROMISES)),
    ]
    for task, of_task in results.items():
        cells = [summary(of_task, promise) for promise in PROMISES]
        shown = [
            f"{share:.0%}, {error:.1%}, {broken:.1%}" if share else "nothing"
            for share, error, broken, _ in cells
        ]
        name = f"{task}{'*' if task in CHOSEN_ON else ''}"
        lines.append(f"| {name} | {of_task[0][0].shape[1]} | {' | '.join(shown)} |")
    worst = max(summary(of, promise)[2] for of in results.values() for promise in PROMISES)
    lines += ["", f"In the worst cell {1 - worst:.1%} of the splits keep their promise."]
    return [*lines, "", "Command: `python -m docs.benchmarks promised_error`."]
