"""From the runs of a comparison to means, paired differences and whom to compare with whom."""

import numpy as np

from tl_keras.evaluation.statistics.intervals import crossed_difference, mean_accuracy


def summarise(rows, correct):
    """Returns one dict for each method and budget, in the order in which they first appear.

    Args:
        rows: dicts with "method", "labels_per_class", "seed", "test_macro_f1", "val_accuracy" and
            "seconds", one a run.
        correct: {(method, labels_per_class, seed): bool (images,)}, the answers of each run to
            the test images.

    Returns:
        Dicts of "method", "labels_per_class", "runs", "test_accuracy" (mean over seeds),
        "interval" (half of the 95% interval over seeds and test images; for one run over the
        images alone), "test_macro_f1" (None where a run has NaN), "val_accuracy" and "seconds".
    """
    groups = {}
    for row in rows:
        groups.setdefault((row["method"], row["labels_per_class"]), []).append(row)
    return [_summary(*key, group, correct) for key, group in groups.items()]


def choose_pairs(rows):
    """Returns the pairs (method, other) that the verdicts are about, the most telling first.

    Each transfer is set against the network from scratch that is best on validation, the best
    transfer on validation first; then that one against the other transfers. The test images
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


def differences(correct, first, second):
    """Returns how much better one method is than another, with each number of labels.

    Both are compared on the seeds that they share. What a seed decides for both, the labelled
    images above all, cancels; so does how hard a test image is.

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
