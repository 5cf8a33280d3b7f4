"""Verdicts of a comparison, as far as the intervals support them."""

import itertools

from tl_keras.reports.pages.wording import digits_to_show

_AHEAD, _BEHIND, _EVEN = "ahead", "behind", "even"
_OVER_ALL = "The 95% interval (±) is over seeds and test images."
_ONE_SEED = (
    "The 95% interval (±) is over test images alone: one seed does not show how another training "
    "would differ. Give more seeds."
)


def verdict(first, second, differences):
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


def format_points(difference, *, sign=False):
    """Returns a difference of accuracies as percentage points: "21 ± 3", "0.8 ± 1.2"."""
    mean, half = 100 * (difference.mean if sign else abs(difference.mean)), 100 * difference.half
    least = 0 if abs(mean) >= 10 and half >= 1 else 1
    digits = digits_to_show(difference.mean, difference.half, least)
    return f"{mean:{'+' if sign else ''}.{digits}f} ± {half:.{digits}f}"


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
