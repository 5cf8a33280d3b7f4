"""Accuracy that more labels will bring, forecast from the labels so far."""

import dataclasses
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np

from tl_keras.checks import InputError
from tl_keras.evaluation.labelling.head import head_probabilities

SHARES = (0.25, 0.5, 0.8)  # of the labelled images, fitted on; the others measure
TIMES = (1, 2, 4)  # as many labels, of which the table forecasts the accuracy
FEWEST = 10  # labelled images
_REPEATS = 12  # of the smaller shares
_IMAGES = 2_400  # images that a share is fitted on in all repeats, about
_FOLDS = 5
_LEAST = 0.02  # standard deviation of the accuracy from one data set to the next
_TABLE = Path(__file__).with_name("forecast.json")
Kind = Literal["random", "chosen"]


@dataclasses.dataclass(frozen=True, eq=False)
class Curve:
    """Accuracy on labelled images that were held out, by the number of images fitted on.

    Attributes:
        labels: number of labelled images.
        num_classes: int.
        sizes: number of images fitted on, ascending.
        accuracies: mean accuracy on the images held out, of each size.
        confidence: mean highest probability, on the images held out at the last size or, if the
            labelled images were chosen, on those without a label.
        right: float (n,), share of the fits without an image that named its class rightly. Copies
            that are all there is of a class are never held out: together they count as one error.
    """

    labels: int
    num_classes: int
    sizes: tuple[int, ...]
    accuracies: tuple[float, ...]
    confidence: float
    right: np.ndarray


@dataclasses.dataclass(frozen=True)
class Forecast:
    """Accuracy with a number of labels: the expected one and an interval of 80 %."""

    labels: int
    expected: float
    low: float
    high: float


def measure_curve(
    rows: np.ndarray,
    labels: np.ndarray,
    num_classes: int,
    *,
    others: np.ndarray | None = None,
    groups: np.ndarray | None = None,
    seed: int = 0,
) -> Curve:
    """Measures the learning curve of the linear classifier on images that it was not fitted on.

    Args:
        rows: float (n, d), as from `unit_rows`, n at least 10.
        labels: ints (n,), 0 to num_classes - 1.
        num_classes: int.
        others: float (m, d), images without a label. Give them if the labelled images were chosen
            by `Labelling.next`. Default None: the labelled ones were drawn at random.
        groups: ints (n,). Of images of the same number, such as copies, none is held out while
            another is fitted on. Default None: each is a group of its own. Copies that are all
            there is of a class are always fitted on.
        seed: int, of the images that are held out.

    Raises:
        InputError: there are fewer than 10 labelled images, or groups of them.
    """
    if len(labels) < FEWEST:
        raise InputError(
            f"Expected at least {FEWEST} labelled images to forecast from; received "
            f"{len(labels)}. Label more."
        )
    groups = _Groups(np.arange(len(labels)) if groups is None else groups, labels)
    if groups.count < FEWEST:
        raise InputError(
            f"Expected at least {FEWEST} labelled images to forecast from, copies counted once; "
            f"received {groups.count}. Label others."
        )
    generator = np.random.default_rng(seed)
    sizes = tuple(max(2, round(share * len(labels))) for share in SHARES)
    accuracies = []
    for size in sizes[:-1]:
        cuts = [groups.cut(generator, size) for _ in range(_repeats(size))]
        found = [_held_out(rows, labels, num_classes, *cut) for cut in cuts]
        accuracies.append(float(np.mean([right.mean() for right, _ in found])))
    right, sure = _cross_validated(rows, labels, num_classes, groups, generator)
    confidence = float(sure[groups.drawn].mean())
    if others is not None and len(others):
        confidence = float(head_probabilities(rows, labels, others, num_classes).max(axis=1).mean())
    accuracies.append(float(right[groups.drawn].mean()))
    right[~groups.drawn] = 1 - 1 / groups.sizes[~groups.drawn]
    return Curve(len(labels), num_classes, sizes, tuple(accuracies), confidence, right)


def forecast(
    curve: Curve, labels: int | None = None, *, kind: Kind = "random", table: Mapping | None = None
) -> Forecast:
    """Forecasts the accuracy of the linear classifier on new images with more labels.

    A regression on the measured curve, fitted on real tasks, gives the accuracy with 1, 2 and 4
    times the labels. Numbers between lie on the line between these over the logarithm of labels.
    The interval holds 80 % of the errors that it made on tasks that it was not fitted on.

    Args:
        curve: `Curve`.
        labels: int, from the number so far to four times that. Default None: the number so far.
        kind: "random" if the labelled images were drawn at random, "chosen" if `Labelling.next`
            chose them: those are harder than the others, so the curve lies too low.
        table: coefficients as in forecast.json. Default None: those of the package.

    Raises:
        InputError: the number of labels is smaller, or more than four times as large.
    """
    labels = curve.labels if labels is None else labels
    if not curve.labels <= labels <= TIMES[-1] * curve.labels:
        raise InputError(
            f"Expected {curve.labels} to {TIMES[-1] * curve.labels} labels to forecast for; "
            f"received {labels}. Label some of them first."
        )
    rows = (_at_times(curve, each) for each in ((table or shipped_table())[kind]).values())
    values = np.array(list(rows)).T
    places = np.log2(TIMES)
    expected, low, high = (np.interp(np.log2(labels / curve.labels), places, v) for v in values)
    return Forecast(labels, float(expected), float(low), float(high))


def classes_in_need(curve: Curve, labels: np.ndarray) -> np.ndarray:
    """Returns the share of the errors that each class has, float (num_classes,) with sum 1.

    A class that was never named rightly, or has no image, needs labels most.
    """
    wrong = np.bincount(labels, 1 - curve.right, curve.num_classes)
    wrong = wrong + (np.bincount(labels, minlength=curve.num_classes) == 0)
    total = wrong.sum()
    return wrong / total if total else np.full(curve.num_classes, 1 / curve.num_classes)


def inputs_of(curve: Curve) -> np.ndarray:
    """Returns the numbers that the regression sees, float (7,), the constant first."""
    measured = (*curve.accuracies[::-1], curve.confidence)
    odds = [_log_odds(share, curve.labels) for share in measured]
    per_class = np.log(curve.labels / curve.num_classes)
    return np.array([1.0, *odds, per_class, np.log(curve.num_classes)])


def scale_of(accuracy: np.ndarray | float, labels: np.ndarray | int) -> np.ndarray:
    """Returns the size of an error of the forecast, up to a factor, from its spread by chance."""
    return np.sqrt(accuracy * (1 - np.asarray(accuracy)) / labels + _LEAST**2)


@cache
def shipped_table() -> Mapping:
    """Coefficients and quantiles, {kind: {times: {"weights", "low", "high"}}}.

    Made by `python -m docs.benchmarks label_forecast --data FOLDER --write`.
    """
    return json.loads(_TABLE.read_text(encoding="utf-8"))


def _at_times(curve, row):
    expected = 1 / (1 + np.exp(-inputs_of(curve) @ row["weights"]))
    size = scale_of(expected, curve.labels)
    return expected, *(np.clip(expected + row[end] * size, 0, 1) for end in ("low", "high"))


def _log_odds(share, count):
    return np.log((share * count + 0.5) / (count - share * count + 0.5))


def _repeats(size):
    return int(np.clip(_IMAGES // size, 2, _REPEATS))


class _Groups:
    """Images of which those of one group are drawn together.

    Args:
        groups, labels: ints (n,).

    Attributes:
        sizes: ints (n,), images of the group of each.
        drawn: bool (n,), false for copies that are all there is of a class.
        count: number of groups that are drawn.
    """

    def __init__(self, groups, labels):
        _, places, sizes = np.unique(groups, return_inverse=True, return_counts=True)
        places = places.reshape(-1)
        self.sizes = sizes[places]
        of_class = np.bincount(np.unique(np.stack([labels, places]), axis=1)[0])
        self.drawn = (of_class[labels] > 1) | (self.sizes == 1)
        self.drawn &= ~np.isin(places, places[~self.drawn])
        _, numbers, self._sizes = np.unique(
            places[self.drawn], return_inverse=True, return_counts=True
        )
        self.count = len(self._sizes)
        rows = np.flatnonzero(self.drawn)[np.argsort(numbers.reshape(-1), kind="stable")]
        self._members = np.split(rows, np.cumsum(self._sizes)[:-1])

    def cut(self, generator, size):
        """Draws about `size` images to fit on; (their rows, all others that are drawn)."""
        order = generator.permutation(self.count)
        drawn = np.searchsorted(np.cumsum(self._sizes[order]), size, side="right")
        drawn = int(np.clip(drawn, 1, self.count - 1))
        fitted = self.rows(order[:drawn])
        return np.append(fitted, np.flatnonzero(~self.drawn)), self.rows(order[drawn:])

    def rows(self, groups):
        """Rows of the images of some groups."""
        return np.concatenate([self._members[group] for group in groups])


def _held_out(rows, labels, num_classes, fitted, held):
    """Tells of each image held out if it is named rightly, and its highest probability."""
    found = head_probabilities(rows[fitted], labels[fitted], rows[held], num_classes)
    return found.argmax(axis=1) == labels[held], found.max(axis=1)


def _cross_validated(rows, labels, num_classes, groups, generator):
    """Means over repeats: share of fits that name an image rightly without it, confidence."""
    repeats = max(1, _repeats(len(labels)) // 4)
    right, sure = np.zeros(len(labels)), np.zeros(len(labels))
    for _ in range(repeats):
        order = generator.permutation(groups.count)
        for fold in range(_FOLDS):
            held = groups.rows(order[fold::_FOLDS])
            fitted = np.setdiff1d(np.arange(len(labels)), held)
            found = _held_out(rows, labels, num_classes, fitted, held)
            right[held] += found[0] / repeats
            sure[held] += found[1] / repeats
    return right, sure
