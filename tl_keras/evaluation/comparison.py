"""From the runs of a comparison to means, paired differences and whom to compare with whom."""

from tl_keras.evaluation.intervals import mean_interval, paired_difference


def summarise(rows):
    """Returns one dict for each method and budget, in the order in which they first appear.

    Args:
        rows: dicts with "method", "labels_per_class", "seed", "test_accuracy", "val_accuracy" and
            "seconds", one a run.

    Returns:
        Dicts of "method", "labels_per_class", "runs", "test_accuracy" (mean over seeds),
        "interval" (half of the 95% interval, None for one run), "val_accuracy" and "seconds".
    """
    groups = {}
    for row in rows:
        groups.setdefault((row["method"], row["labels_per_class"]), []).append(row)
    return [_summary(*key, group) for key, group in groups.items()]


def choose_pairs(rows):
    """Returns the pairs (method, other) that the verdicts are about, the most telling first.

    Each transfer is set against the net from scratch that is best on validation, the best
    transfer on validation first; then that one against the other transfers. The test pictures
    choose nothing: a winner chosen by them would look better than it is. Without both kinds, all
    are set against the first method.
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


def differences(rows, first, second):
    """Returns {labels_per_class: `MeanInterval` of first - second in test accuracy}, ascending."""
    budgets = sorted({row["labels_per_class"] for row in rows})
    found = {
        b: paired_difference(*(_by_seed(rows, m, b) for m in (first, second))) for b in budgets
    }
    return {budget: difference for budget, difference in found.items() if difference is not None}


def _by_seed(rows, method, budget):
    return {
        row["seed"]: row["test_accuracy"]
        for row in rows
        if (row["method"], row["labels_per_class"]) == (method, budget)
    }


def _summary(method, budget, group):
    accuracy = mean_interval([row["test_accuracy"] for row in group])
    return {
        "method": method,
        "labels_per_class": budget,
        "runs": len(group),
        "test_accuracy": accuracy.mean,
        "interval": accuracy.half,
        "val_accuracy": mean_interval([row["val_accuracy"] for row in group]).mean,
        "seconds": mean_interval([row["seconds"] for row in group]).mean,
    }


def _mean_val(rows, method):
    return mean_interval([r["val_accuracy"] for r in rows if r["method"] == method]).mean
