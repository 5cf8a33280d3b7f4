"""Expected accuracy of each strategy on new data, with an interval."""

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np

from tl_keras.evaluation.policy.table import Row

_NEAR = 3.0  # factor within which the labels per class of rows are like those of the new data
_LEAST_SETS = 4  # data sets of an interval


@dataclasses.dataclass(frozen=True)
class Expected:
    """Expected accuracy on test, and the interval in which it lies on 95% of new data sets.

    Attributes:
        mean, low, high: 0 to 1.
        data_sets: number of those on which the strategy was measured.
    """

    mean: float
    low: float
    high: float
    data_sets: int


def expected_accuracy(
    strategy: str, descriptors: Mapping[str, float], rows: Sequence[Row]
) -> Expected | None:
    """Returns what rows of other data sets let expect of a strategy; None without enough of them.

    The gain is the accuracy of a strategy minus the out-of-fold accuracy of the linear start. It is
    averaged over rows with a similar number of labels per class. Each data set has one weight. The
    interval is mean +- t * s * sqrt(1 + 1 / k) for k data sets, with s the deviation of rows. No
    accuracy below that of chance is expected.
    """
    at = descriptors["linear_accuracy"]
    if math.isnan(at):
        return None
    above = _above(strategy, _near(strategy, descriptors["labels_per_class"], rows))
    if len(above) < _LEAST_SETS:
        return None
    means = np.array([np.mean(values) for values in above.values()])
    mean = means.mean()
    weights = np.concatenate([np.full(len(v), 1 / len(v)) for v in above.values()])
    values = np.concatenate(list(above.values()))
    k = len(means)
    variance = np.average(np.square(values - mean), weights=weights) * k / (k - 1)
    half = _student(k - 1) * math.sqrt(variance * (1 + 1 / k))
    low, middle, high = (min(max(at + mean + d, 0.0), 1.0) for d in (-half, 0, half))
    chance = 1 / descriptors["classes"]
    return Expected(max(middle, chance), low, max(high, chance), k)


def _near(strategy, labels, rows):
    """Rows with a similar number of labels, or all where these are too few."""
    measured = [row for row in rows if strategy in row.accuracy]
    factor = math.log(_NEAR)
    near = [
        row
        for row in measured
        if abs(math.log(row.descriptors["labels_per_class"] / labels)) <= factor
    ]
    return near if len({row.data_set for row in near}) >= _LEAST_SETS else measured


def _above(strategy, rows):
    """{data set: accuracies above the out-of-fold accuracy of the linear start}"""
    found = {}
    for row in rows:
        start = row.descriptors["linear_accuracy"]
        if not math.isnan(start):
            found.setdefault(row.data_set, []).append(row.accuracy[strategy] - start)
    return {name: np.array(values) for name, values in found.items()}


def coverage(rows: Sequence[Row]) -> float:
    """Returns the share of accuracies that lie in the interval made without their data set."""
    return float(np.mean([e.low <= accuracy <= e.high for e, accuracy in _left_out(rows)]))


def mean_error(rows: Sequence[Row]) -> float:
    """Returns the mean distance of accuracies from those expected without their data set."""
    return float(np.mean([abs(e.mean - accuracy) for e, accuracy in _left_out(rows)]))


def _left_out(rows):
    """(what other data sets let expect, accuracy) of each strategy and row"""
    for row in rows:
        others = [other for other in rows if other.data_set != row.data_set]
        for strategy, accuracy in row.accuracy.items():
            expected = expected_accuracy(strategy, row.descriptors, others)
            if expected is not None:
                yield expected, accuracy


def _student(degrees):
    from scipy.special import stdtrit  # slow to import

    return float(stdtrit(degrees, 0.975))
