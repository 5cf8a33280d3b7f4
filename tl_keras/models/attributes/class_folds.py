"""Cross-validation over classes, which chooses strength, scale and calibration."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from tl_keras.models.attributes.generalized import (
    choose_calibration,
    choose_scale,
    class_accuracy,
)

FEWEST_CLASSES = 4  # seen classes, so that two are held out and two are left
_FOLDS = 8
_HELD_OUT = 0.2


class Choice(NamedTuple):
    """Settings chosen on seen classes that were held out.

    Attributes:
        strength: the one of the highest accuracy.
        scale: factor on the scores before the softmax.
        calibration: offset that is taken off the scores of seen classes.
        accuracy: mean at that strength over the folds: accuracy between the classes held out, or
            the harmonic mean where all are candidates. None if none were held out.
    """

    strength: Any
    scale: float = 1.0
    calibration: float = 0.0
    accuracy: float | None = None


class Choices(NamedTuple):
    """The best settings where only unseen classes are candidates, and where all are."""

    between: Choice
    among_all: Choice


def class_folds(seen: np.ndarray, held_out: int, seed: int) -> list[np.ndarray]:
    """Returns the classes that each fold holds out.

    Args:
        seen: ints, the classes with images.
        held_out: classes per fold, as many as are told apart later; at most half of `seen`.
        seed: of the draws.
    """
    generator = np.random.default_rng([seed, 7])
    size = int(np.clip(held_out, 2, len(seen) // 2))
    folds = []
    while len(folds) < (_FOLDS if len(seen) < 4 * _FOLDS else 1):
        mixed = generator.permutation(seen)
        folds += [mixed[i : i + size] for i in range(0, len(seen) - size + 1, size)]
    return folds


def split_rows(labels: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns rows to fit and rows held out, a fifth of each class; one image is fitted."""
    mixed = np.random.default_rng([seed, 8]).permutation(len(labels))
    by_class = mixed[np.argsort(labels[mixed], kind="stable")]
    parts = np.split(by_class, np.flatnonzero(np.diff(labels[by_class])) + 1)
    held = np.concatenate([rows[: round(len(rows) * _HELD_OUT)] for rows in parts])
    return np.setdiff1d(np.arange(len(labels)), held), held


def choose(
    fits: Callable,
    features: np.ndarray,
    labels: np.ndarray,
    strengths: Sequence,
    *,
    held_out: int,
    seed: int,
) -> Choices:
    """Chooses settings by holding out classes, and images of the others.

    Args:
        fits: function of (rows of the images to fit) that returns a function of (classes), which
            yields for each strength a function from features to scores (n, num_classes).
        features, labels: (n, d) and ints (n,), of all images of seen classes.
        strengths: tried in this order; of equal ones the first is taken.
        held_out: see `class_folds`.
        seed: of folds and rows.
    """
    seen = np.unique(labels)
    fitted, held = split_rows(labels, seed)
    solve = fits(fitted)
    found = [[] for _ in strengths]
    for out in class_folds(seen, held_out, seed):
        unknown = np.flatnonzero(np.isin(labels, out))
        known = held[~np.isin(labels[held], out)]
        rows = np.concatenate([unknown, known])
        for place, score in enumerate(solve(np.setdiff1d(seen, out))):
            numbers = np.searchsorted(seen, labels[rows])
            found[place].append((score(features[rows])[:, seen], numbers, ~np.isin(seen, out)))
    between = [np.mean([_accuracy(*fold) for fold in folds]) for folds in found]
    stacked = [choose_calibration(folds) for folds in found]
    among_all = [harmonic for _, harmonic in stacked]

    def choice(measures: list) -> Choice:
        best = int(np.argmax(measures))
        offset = stacked[best][0]
        scale = choose_scale(_parts(found[best], offset))
        return Choice(strengths[best], scale, offset, float(measures[best]))

    return Choices(choice(between), choice(among_all))


def _between(scores, labels, is_seen):
    """Scores of the images of the classes held out, for these classes, and their labels."""
    rows = ~is_seen[labels]
    return scores[rows][:, ~is_seen], (np.cumsum(~is_seen) - 1)[labels[rows]]


def _accuracy(*fold):
    between, own = _between(*fold)
    return class_accuracy(between.argmax(axis=1), own)


def _parts(folds, offset):
    """(scores, labels) between the classes held out, and among all, calibrated."""
    every = [(scores - offset * is_seen, labels) for scores, labels, is_seen in folds]
    return [_between(*fold) for fold in folds] + every
