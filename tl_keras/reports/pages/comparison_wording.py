"""Verdicts of a comparison, as strong as the intervals allow and no stronger."""

import itertools

from tl_keras.reports.pages.wording import digits_to_show

_AHEAD, _BEHIND, _EVEN = "ahead", "behind", "even"
_OVER_ALL = "The 95% interval (±) is over seeds and test images."
_ONE_SEED = (
    "The 95% interval (±) is over test images alone: one seed does not show how another training "
    "would differ. Give more seeds."
)


def verdict(first, second, differences):
    """Returns in one or two plain sentences how two methods compare.

    Ahead and behind are said only where the whole interval lies on one side of zero. The sentence
    says what the intervals hold; with one seed they are over the test images alone.

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


def _outcome(difference):
    if abs(difference.mean) <= difference.half:
        return _EVEN
    return _AHEAD if difference.mean > 0 else _BEHIND


def _sentence(first, second, differences):
    groups = [
        (outcome, dict(group))
        for outcome, group in itertools.groupby(
            differences.items(), key=lambda item: _outcome(item[1])
        )
    ]
    clauses = []
    for number, (outcome, group) in enumerate(groups):
        named = number == 0
        points = _listed([format_points(d, sign=outcome == _EVEN) for d in group.values()])
        where = f"with {_listed(group)} labels a class,"
        if outcome == _EVEN:
            if number and number == len(groups) - 1:
                where = f"from {next(iter(group))} on"
            between = f" between {first} and {second}" if named else ""
            clauses.append(f"{where} there is no difference to see{between} ({points} points)")
        else:
            who, whom = (first, f" of {second}") if named else ("it", "")
            if outcome == _BEHIND and named:
                whom = f" {second}"
            if not named and groups[0][0] == _EVEN:
                who = first
            clauses.append(f"{where} {who} is {outcome}{whom} by {points} points")
    text = "; ".join(clauses)
    return f"{text[0].upper()}{text[1:]}."


def _listed(items):
    *others, last = map(str, items)
    return f"{', '.join(others)} and {last}" if others else last
