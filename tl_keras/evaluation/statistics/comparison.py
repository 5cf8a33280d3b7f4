"""Means, paired differences and pairs of methods from the runs of a comparison."""

from collections.abc import Sequence

import numpy as np

from tl_keras.evaluation.statistics.intervals import MeanInterval, crossed_difference, mean_accuracy


def summarise(rows: Sequence[dict], correct: dict) -> list[dict]:
    """Returns one dict for each method and budget, in order of first appearance.

    Args:
        rows: dicts with "method", "labels_per_class", "seed", "test_macro_f1", "val_accuracy" and
            "seconds", one per
            run.
        correct: {(method, labels_per_class, seed): bool (images,)}, correctness of the answers of
            each run on the test images.

    Returns:
        Dicts of "method", "labels_per_class", "runs", "test_accuracy" (mean over seeds),
        "interval", "test_macro_f1" (None if a run has NaN), "val_accuracy" and "seconds". The
        interval is half of the 95% interval over seeds and test images, or over images alone for
        one run.
    """
    groups = {}
    for row in rows:
        groups.setdefault((row["method"], row["labels_per_class"]), []).append(row)
    return [_summary(*key, group, correct) for key, group in groups.items()]


def choose_pairs(rows: Sequence[dict]) -> list[tuple[str, str]]:
    """Returns the pairs (method, other) for the verdicts, the most important first.

    Each transfer method is compared with the network from scratch that is best on validation. The
    transfer method that is best on validation comes first, and is then compared with the others.
    Test images are not used for the choice, because a winner on them would look better than it is.
    Without both kinds, all methods are compared with the first.
    """
    methods = list(dict.fromkeys(row["method"] for row in rows))
    score = {method: _mean_val(rows, method) for method in methods}
    scratch = [m for m in methods if m.partition(":")[0] == "scratch"]
    transfer = [m for m in methods if m not in scratch]
    if not scratch or not transfer:
        return [(method, methods[0]) for method in methods[1:]]
    reference = max(scratch, key=score.get)
    best, *others = sorted(transfer, key=score.get, reverse=True)
    against = [(method, reference) for method in (best, *others)]
    return against + [(best, other) for other in others]


def differences(correct: dict, first: str, second: str) -> dict[int, MeanInterval]:
    """Returns the difference between two methods for each number of labels.

    Both are compared on the seeds that they share. Effects of a seed on both methods cancel, above
    all its choice of labelled images. The difficulty of the test images cancels too.

    Args:
        correct: {(method, labels_per_class, seed): bool (images,)}.
        first, second: names of the methods.

    Returns:
        {labels_per_class: `MeanInterval` of first - second in test accuracy}, ascending.
    """
    shared = {}
    for method, budget, seed in sorted(correct, key=lambda run: run[1:]):
        if method == first and (second, budget, seed) in correct:
            shared.setdefault(budget, []).append(seed)
    return {
        budget: crossed_difference(
            *(np.stack([correct[m, budget, seed] for seed in seeds]) for m in (first, second))
        )
        for budget, seeds in shared.items()
    }


def _summary(method, budget, group, correct):
    accuracy = mean_accuracy(np.stack([correct[method, budget, r["seed"]] for r in group]))
    return {
        "method": method,
        "labels_per_class": budget,
        "runs": len(group),
        "test_accuracy": accuracy.mean,
        "interval": accuracy.half,
        "test_macro_f1": _mean_known(group, "test_macro_f1"),
        "val_accuracy": _mean(group, "val_accuracy"),
        "seconds": _mean(group, "seconds"),
    }


def _mean_val(rows, method):
    return _mean([row for row in rows if row["method"] == method], "val_accuracy")


def _mean_known(rows, name):
    mean = _mean(rows, name)
    return None if np.isnan(mean) else mean


def _mean(rows, name):
    return float(np.mean([row[name] for row in rows]))
