"""Forecasts of the accuracy with more labels in sentences."""

import numpy as np

from tl_keras.checks import listed
from tl_keras.reports.pages.results import EnoughResults
from tl_keras.reports.wording.numbers import format_percent

_NAMED = 3  # classes
_HALF = 0.5  # of the errors


def forecast_sentence(results: EnoughResults) -> str:
    """Returns the accuracy now and with the wanted number of labels, with its interval."""
    now, then = results.forecasts[0], results.forecasts[results.wanted]
    return (
        f"{then.labels - now.labels:,} more labels should bring the accuracy from "
        f"{format_percent(now.expected, 0)} to {format_percent(then.expected, 0)} "
        f"(80% interval {format_percent(then.low, 0)} to {format_percent(then.high, 0)})."
    )


def need_sentence(results: EnoughResults) -> str:
    """Returns the classes that have most of the errors, up to three, and their share."""
    order = np.argsort(-results.needs, kind="stable")
    shares = np.cumsum(results.needs[order])
    count = min(int((shares >= _HALF).argmax()) + 1, _NAMED)
    names = listed([str(results.class_names[k]) for k in order[:count]])
    return f"{format_percent(shares[count - 1], 0)} of the errors are on images of {names}."
