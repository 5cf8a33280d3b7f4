"""Sentences on what more labels would bring."""

from collections.abc import Sequence

from tl_keras.reports.wording.numbers import format_percent

_MOST_NAMED = 3  # classes


def enough_sentence(
    now: tuple[float, float, float],
    later: tuple[float, float, float],
    more: int,
    needed: Sequence[str],
) -> str:
    """Returns a sentence on the accuracy now and with more labels.

    Args:
        now, later: (expected accuracy, low and high end of its interval), 0-1.
        more: number of further labels; 0 for a sentence on the accuracy now only.
        needed: classes that have most of the errors, the first the most.
    """
    text = f"About {_interval(now)} of new images would be named rightly now."
    if not more:
        return text
    return (
        f"{text} {more} more labels{_mostly(needed[:_MOST_NAMED])} should bring {_interval(later)}."
    )


def _mostly(names):
    if not names:
        return ""
    first, last = ", ".join(names[:-1]), names[-1]
    return f", mostly of {f'{first} and {last}' if first else last},"


def _interval(accuracy):
    mean, low, high = (format_percent(share, 0) for share in accuracy)
    return f"{mean} ({low} to {high})"
