"""Forecasts of the accuracy with more labels in sentences."""

from collections.abc import Sequence

import numpy as np

from tl_keras.checks import listed
from tl_keras.evaluation.labelling.forecast import Forecast
from tl_keras.reports.pages.results import EnoughResults
from tl_keras.reports.wording.numbers import format_percent

_NAMED = 3  # classes
_HALF = 0.5  # of the errors


def forecast_sentence(results: EnoughResults) -> str:
    """Returns the accuracy now and with the wanted number of labels, with its interval."""
    return accuracy_sentence(results.forecasts[0], results.forecasts[results.wanted])


def accuracy_sentence(now: Forecast, then: Forecast) -> str:
    """Returns the accuracy now and then, with the interval of the latter."""
    return (
        f"{then.labels - now.labels:,} more labels should bring the accuracy from "
        f"{format_percent(now.expected, 0)} to {format_percent(then.expected, 0)} "
        f"(80% interval {format_percent(then.low, 0)} to {format_percent(then.high, 0)})."
    )


def need_sentence(results: EnoughResults) -> str:
    """Returns the classes that have most of the errors, up to three, and their share."""
    return errors_sentence(results.needs, results.class_names)


def errors_sentence(needs: np.ndarray, class_names: Sequence[str]) -> str:
    """Returns what `need_sentence` does, from the share of the errors that each class has."""
    order = np.argsort(-needs, kind="stable")
    shares = np.cumsum(needs[order])
    count = min(int((shares >= _HALF).argmax()) + 1, _NAMED)
    names = listed([str(class_names[k]) for k in order[:count]])
    return f"{format_percent(shares[count - 1], 0)} of the errors are on images of {names}."
