"""Confidence intervals of means, of accuracies and of their differences on the same images."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from tl_keras.checks import InputError


@dataclasses.dataclass(frozen=True)
class MeanInterval:
    """Mean with its 95% interval, mean - half to mean + half.

    Attributes:
        mean: mean of the values.
        half: half the width; None for a single value, which has no spread.
        n: number of values; for accuracies the number of seeds.
    """

    mean: float
    half: float | None
    n: int

    @property
    def low(self) -> float | None:
        return None if self.half is None else self.mean - self.half

    @property
    def high(self) -> float | None:
        return None if self.half is None else self.mean + self.half


def mean_interval(values: Sequence[float]) -> MeanInterval:
    """Returns the mean of independent values with its 95% interval from Student's t.

        mean +- t(0.975, n - 1) * s / sqrt(n)

    Args:
        values: numbers (n,), n >= 1, e.g. of runs with different seeds.

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


def paired_accuracy_difference(correct_a: np.ndarray, correct_b: np.ndarray) -> tuple[float, float]:
    """Returns the difference of two accuracies on the same images, and half of its interval.

    The 95% interval covers other draws of test images, but not other training runs. Only images
    that exactly one classifier gets right count. Let b and c be their numbers among n. Two more are
    added, one for each classifier, so that even identical answers have an interval:

        (b - c) / n +- t(0.975, n - 1) * sqrt(b + c + 2 - (b - c)^2 / (n + 2)) / n

    Equal classifiers are declared different in at most 5% of cases, from 5 images up.

    Args:
        correct_a, correct_b: bool (n,), whether each answer is correct.

    Returns:
        (difference, half_width): accuracy of a - accuracy of b, and half of its interval; 0-1.

    Raises:
        InputError: there are no images, or the numbers of answers differ.

    Reference:
        Agresti and Min, 2005, "Simple improved confidence intervals for comparing matched
        proportions". They also shift the centre, which here stays the measured
        difference.
    """
    a, b = _check_correct(correct_a), _check_correct(correct_b)
    _check_same_shape(a, b)
    return _over_images((a.astype(np.int8) - b)[None])


def crossed_difference(correct_a: np.ndarray, correct_b: np.ndarray) -> MeanInterval:
    """Returns the mean difference of the accuracies of two methods, over seeds and test images.

    Each seed trains both methods once, and all runs are tested on the same images. The interval
    covers both other training runs, by the seeds, and other draws of test images. Let x[s, i] be
    the difference of the two answers (-1, 0 or 1) for S seeds and N images. Mean squares for seeds,
    images and the rest are those of an analysis of variance:

        V_seeds = MS_seeds / (S N)    V_rest = MS_rest / (S N)    V_images = MS_images / (S N)
        half^2 = max(t_s^2 V_seeds, t_i^2 V_rest) + t_i^2 max(V_images - V_rest, 0)

    t_s and t_i are the 97.5% quantiles of Student's t with S - 1 and N - 1 degrees of freedom. As
    in `paired_accuracy_difference`, two images are added, one for each method. One seed leaves
    t_i^2 V_images, the interval of that function.

    A sum of variances with one Satterthwaite number of degrees is narrower, and wrong: with two
    seeds equal methods differ in up to 12% of cases, see docs/benchmarks.md.

    Args:
        correct_a, correct_b: bool (seeds, images), the same seeds and images for both.

    Returns:
        `MeanInterval` of a - b, 0-1; n is the number of seeds.

    Raises:
        InputError: there are no answers, or their numbers differ.

    Reference:
        Banerjee, 1960, "Approximate confidence interval for linear functions of means of k
        populations when the population variances are not equal": quantiles squared with their
        own variances never give too narrow an interval.
    """
    a, b = (_check_correct(c, ndim=2) for c in (correct_a, correct_b))
    _check_same_shape(a, b)
    return _crossed(a.astype(np.int8) - b)


def mean_accuracy(correct: np.ndarray) -> MeanInterval:
    """Returns the mean accuracy of one method, with its 95% interval over seeds and test images.

    The interval is that of the difference from perfect answers, see `crossed_difference`.

    Args:
        correct: bool (seeds, images).

    Returns:
        `MeanInterval`, 0-1; n is the number of seeds.
    """
    below = crossed_difference(correct, np.ones_like(correct))
    return dataclasses.replace(below, mean=float(np.mean(correct)))


def _crossed(x):
    """Returns the `MeanInterval` of differences (seeds, images)."""
    seeds, images = x.shape
    if seeds == 1:
        return MeanInterval(*_over_images(x), 1)
    difference = float(x.mean())
    of_seeds, rest = _mean_squares(x)
    of_seeds, rest = of_seeds / x.size, rest / x.size
    t_images = _student(images - 1)
    of_images = max(0.0, _image_variance(x) - rest)
    of_training = max(_student(seeds - 1) ** 2 * of_seeds, t_images**2 * rest)
    half = math.sqrt(of_training + t_images**2 * of_images)
    return MeanInterval(difference, min(half, 1 + abs(difference)), seeds)


def _over_images(x):
    """Returns (difference, half) of differences (seeds, images) for fixed seeds."""
    difference = float(x.mean())
    half = _student(x.shape[1] - 1) * math.sqrt(_image_variance(x))
    return difference, min(half, 1 + abs(difference))


def _mean_squares(x):
    """Returns the mean squares of seeds and of the rest in a two-way analysis of variance."""
    seeds, images = x.shape
    of_all = float(x.sum()) ** 2 / x.size
    of_seeds = float((x.sum(axis=1) ** 2.0).sum()) / images - of_all
    of_images = float((x.sum(axis=0) ** 2.0).sum()) / seeds - of_all
    rest = float((x != 0).sum()) - of_all - of_seeds - of_images
    degrees = (seeds - 1) * max(images - 1, 1)
    return of_seeds / (seeds - 1), max(0.0, rest) / degrees


def _image_variance(x):
    """Returns the variance of the mean due to the images, with two images added.

    The added differences are +d and -d, with d the root mean square over the images on which the
    methods differ.
    """
    n = x.shape[1]
    squares = float((x.mean(axis=0) ** 2).sum())
    differing = int((x != 0).any(axis=0).sum())
    two_more = 2 * squares / differing if differing else 2.0
    return (squares + two_more - (n * float(x.mean())) ** 2 / (n + 2)) / n**2


def _student(degrees):
    """Returns the 97.5% quantile of Student's t."""
    from scipy.special import stdtrit  # slow to import

    return float(stdtrit(max(degrees, 1), 0.975))


def _check_correct(correct, ndim=1):
    correct = np.asarray(correct)
    if correct.ndim != ndim or not correct.size or correct.dtype != bool:
        raise InputError(
            f"Expected one bool for each of at least one image{' of each seed' * (ndim - 1)}; "
            f"received {correct.dtype} of shape {correct.shape}."
        )
    return correct


def _check_same_shape(a, b):
    if a.shape != b.shape:
        raise InputError(
            "Expected the answers of both to the same images; received answers of shape "
            f"{a.shape} and {b.shape}."
        )
