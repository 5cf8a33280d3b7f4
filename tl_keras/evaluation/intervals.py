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
    values = np.asarray(values, np.float64)
    if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
        raise InputError(f"Expected at least one finite number; received {values.tolist()}.")
    n = len(values)
    if n == 1:
        return MeanInterval(float(values[0]), None, 1)
    half = _student(n - 1) * values.std(ddof=1) / math.sqrt(n)
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


def paired_accuracy_difference(correct_a, correct_b):
    """Returns the difference of two classifiers' accuracies on the same images, with its half.

    The 95% interval is from the images: it says how another draw of test images would differ, not
    how another training would. Only images that one classifier gets right and the other wrong
    count. With b and c such images of n, two more are added, one each way, so that even
    classifiers that never differ have an interval:

        (b - c) / n +- t(0.975, n - 1) * sqrt(b + c + 2 - (b - c)^2 / (n + 2)) / n

    Equal classifiers are told apart in at most 5% of cases, from 5 images up.

    Args:
        correct_a, correct_b: bool (n,), whether each image was answered rightly.

    Returns:
        (difference, half_width): accuracy of a - accuracy of b, and half of its interval; 0-1.

    Raises:
        InputError: there are no images, or not the same number of answers.

    Reference:
        Agresti and Min, 2005, "Simple improved confidence intervals for comparing matched
        proportions". They also shift the middle, which here stays the difference measured.
    """
    a, b = _check_correct(correct_a), _check_correct(correct_b)
    if a.shape != b.shape:
        raise InputError(
            f"Expected the answers of both classifiers on the same images; received {a.size} and "
            f"{b.size}."
        )
    n, better, worse = a.size, int((a & ~b).sum()), int((b & ~a).sum())
    difference = (better - worse) / n
    squares = better + worse + 2 - (better - worse) ** 2 / (n + 2)
    half = _student(n - 1) * math.sqrt(squares) / n
    return difference, min(half, 1 + abs(difference))


def _student(degrees):
    """The 97.5% quantile of Student's t."""
    from scipy.special import stdtrit  # slow to import

    return float(stdtrit(max(degrees, 1), 0.975))


def _check_correct(correct):
    correct = np.asarray(correct)
    if correct.ndim != 1 or not correct.size or correct.dtype != bool:
        raise InputError(
            f"Expected one bool for each of at least one image; received {correct.dtype} of shape "
            f"{correct.shape}."
        )
    return correct
