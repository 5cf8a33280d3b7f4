"""How sure a mean over a few runs is, and a difference between two ways on the same runs."""

import dataclasses
import math

import numpy as np

from tl_keras.checks import InputError


@dataclasses.dataclass(frozen=True)
class MeanInterval:
    """A mean with its 95% interval, mean - half to mean + half.

    Attributes:
        mean: of the values.
        half: half the width; None for a single value, which says nothing of its spread.
        n: number of values.
    """

    mean: float
    half: float | None
    n: int

    @property
    def low(self):
        return None if self.half is None else self.mean - self.half

    @property
    def high(self):
        return None if self.half is None else self.mean + self.half


def mean_interval(values):
    """Returns the mean of independent values with its 95% interval, Student's t.

        mean +- t(0.975, n - 1) * s / sqrt(n)

    Args:
        values: numbers (n,), n >= 1, as from runs that differ in their seed.

    Returns:
        `MeanInterval`.

    Raises:
        InputError: there are no values, or one is not finite.

    Reference:
        Student (Gosset), 1908, "The probable error of a mean".
    """
    from scipy.special import stdtrit  # slow to import

    values = np.asarray(values, np.float64)
    if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
        raise InputError(f"Expected at least one finite number; received {values.tolist()}.")
    n = len(values)
    if n == 1:
        return MeanInterval(float(values[0]), None, 1)
    half = stdtrit(n - 1, 0.975) * values.std(ddof=1) / math.sqrt(n)
    return MeanInterval(float(values.mean()), float(half), n)


def paired_difference(first, second):
    """Returns the mean of first - second over the runs that both have, with its 95% interval.

    What a seed decides for both, the labelled pictures above all, cancels, so the interval is
    narrower than those of the two means let expect.

    Args:
        first, second: dicts of seed and number.

    Returns:
        `MeanInterval`, or None if they share no seed.
    """
    shared = sorted(first.keys() & second.keys())
    return mean_interval([first[seed] - second[seed] for seed in shared]) if shared else None
