"""Verdicts of a comparison, as far as the intervals support them."""

import itertools

from tl_keras.evaluation.statistics.intervals import MeanInterval
from tl_keras.reports.pages.results import ComparisonResults
from tl_keras.reports.wording.numbers import digits_to_show, format_duration
from tl_keras.settings.compare import EPOCHS

_AHEAD, _BEHIND, _EVEN = "ahead", "behind", "even"
_OVER_ALL = "The 95% interval (±) is over seeds and test images."
_ONE_SEED = (
    "The 95% interval (±) is over test images alone: one seed does not show how another training "
    "would differ. Give more seeds."
)


def verdict(first: str, second: str, differences: dict[int, MeanInterval]) -> str:
    """Returns one or two plain sentences that compare two methods.

    A method is called ahead or behind only if the whole interval lies on one side of zero. A
    sentence names the sources of variation in the interval. With one seed these are the test images
    alone.

    Args:
        first, second: names of the methods.
        differences: {labels_per_class: `MeanInterval` of first - second in accuracy, 0-1}.
    """
    differences = dict(sorted(differences.items()))
    several = {budget: d for budget, d in differences.items() if d.n > 1}
    single = {budget: d for budget, d in differences.items() if d.n == 1}
    sentences = [_sentence(first, second, several), _OVER_ALL] if several else []
    if single:
        sentences += [_sentence(first, second, single), _ONE_SEED]
    return " ".join(sentences) or f"{first} and {second} have no run in common."


def format_points(difference: MeanInterval, *, sign: bool = False) -> str:
    """Returns a difference of accuracies as percentage points: "21 ± 3", "0.8 ± 1.2"."""
    mean, half = 100 * (difference.mean if sign else abs(difference.mean)), 100 * difference.half
    least = 0 if abs(mean) >= 10 and half >= 1 else 1
    digits = digits_to_show(difference.mean, difference.half, least)
    return f"{mean:{'+' if sign else ''}.{digits}f} ± {half:.{digits}f}"


def conditions(results: ComparisonResults) -> tuple[str, ...]:
    """Returns sentences on the conditions of a comparison.

    Args:
        results: `ComparisonResults`.
    """
    config = results.config
    if config.seconds:
        budget = f"{config.seconds:g} seconds (to the end of the epoch), features included"
    else:
        budget = f"{config.epochs or EPOCHS} epochs"
    limit = "" if config.test_images is None else f", limited to {config.test_images}"
    tried = [
        f"{method}: {', '.join(f'{rate:g}' for rate in rates)}"
        for method, rates in results.rates.items()
        if len(rates) > 1
    ]
    val = [row["val_pictures"] for row in results.rows]
    return (
        f"Each run of each method had {budget} and, for the same seed and number of labels, the "
        "same labelled images. The images of a smaller number are among those of a larger.",
        "The best epoch was chosen on as many validation images of each class as there were "
        f"labels, or {results.val_per_class} if that is more: {min(val)} to {max(val)} images, "
        "the same for every method.",
        f"The test images ({results.num_test}{limit}) are the same in all runs and were used once "
        "per run. They chose nothing.",
        f"Where several learning rates were tried ({'; '.join(tried) or 'nowhere'}), that with the "
        "best validation accuracy counts, and the time is that of all. Each had all epochs, or "
        "its share of the seconds. The others have one rate, the default.",
        f"MLP, CNN and RNN saw the images at {results.baseline_size} x {results.baseline_size} "
        "pixels.",
        "Methods that share the features of a frozen part are each charged for computing them.",
        *_random_weights(results.scratch),
        *_pretraining(results.pretrained),
    )


def _random_weights(methods):
    if not methods:
        return ()
    return (
        f"With random weights {', '.join(methods)} trained from scratch: all layers for all epochs "
        "at one rate, batch normalisation too.",
    )


def _pretraining(pretrained):
    if not pretrained:
        return ()
    each = [
        f"{method} {format_duration(facts['seconds'])} ({facts['epochs']} epochs, "
        f"{facts['pictures']} images)"
        for method, facts in pretrained.items()
    ]
    return (
        f"Pretrained here: {'; '.join(each)}. This was done once for all runs, on all training "
        "images whatever the number of labels, without a label. Its time is not in the seconds "
        "of the runs, and the intervals do not include how another pretraining would differ.",
    )


def _direction(difference):
    if abs(difference.mean) <= difference.half:
        return _EVEN
    return _AHEAD if difference.mean > 0 else _BEHIND


def _sentence(first, second, differences):
    groups = [
        (direction, dict(group))
        for direction, group in itertools.groupby(
            differences.items(), key=lambda item: _direction(item[1])
        )
    ]
    clauses = []
    for number, (direction, group) in enumerate(groups):
        named = number == 0
        points = _listed([format_points(d, sign=direction == _EVEN) for d in group.values()])
        where = f"with {_listed(group)} labels per class,"
        if direction == _EVEN:
            if number and number == len(groups) - 1:
                where = f"from {next(iter(group))} on"
            between = f" between {first} and {second}" if named else ""
            clauses.append(f"{where} there is no significant difference{between} ({points} points)")
        else:
            who, whom = (first, f" of {second}") if named else ("it", "")
            if direction == _BEHIND and named:
                whom = f" {second}"
            if not named and groups[0][0] == _EVEN:
                who = first
            clauses.append(f"{where} {who} is {direction}{whom} by {points} points")
    text = "; ".join(clauses)
    return f"{text[0].upper()}{text[1:]}."


def _listed(items):
    *others, last = map(str, items)
    return f"{', '.join(others)} and {last}" if others else last
