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
        strength: the one of the highest accuracy between the classes held out.
        scale: factor on the scores before the softmax.
        calibration: offset that is taken off the scores of seen classes.
        accuracy: mean accuracy at that strength between classes held out; None if none were.
    """

    strength: Any
    scale: float
    calibration: float
    accuracy: float | None


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
    held = []
    for rows in np.split(by_class, np.flatnonzero(np.diff(labels[by_class])) + 1):
        held.append(rows[: round(len(rows) * _HELD_OUT)])
    held = np.concatenate(held)
    return np.setdiff1d(np.arange(len(labels)), held), held


def choose(
    fits: Callable,
    features: np.ndarray,
    labels: np.ndarray,
    strengths: Sequence,
    *,
    held_out: int,
    seed: int,
) -> Choice:
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
            found[place].append((score(features[rows])[:, seen], labels[rows], np.isin(seen, out)))
    accuracies = [np.mean([_accuracy(*fold, seen) for fold in folds]) for folds in found]
    best = int(np.argmax(accuracies))
    return _calibrated(strengths[best], found[best], seen, float(accuracies[best]))


def _between(scores, labels, is_out, seen):
    """Scores of the images of the classes held out, for these classes, and their labels."""
    numbers = np.searchsorted(seen, labels)
    rows = is_out[numbers]
    return scores[rows][:, is_out], (np.cumsum(is_out) - 1)[numbers[rows]]


def _accuracy(scores, labels, is_out, seen):
    between, own = _between(scores, labels, is_out, seen)
    return class_accuracy(between.argmax(axis=1), own)


def _calibrated(strength, folds, seen, accuracy):
    whole = [(scores, np.searchsorted(seen, labels), ~out) for scores, labels, out in folds]
    offset = choose_calibration(whole)
    parts = [_between(*fold, seen) for fold in folds]
    parts += [(scores - offset * known, labels) for scores, labels, known in whole]
    return Choice(strength, choose_scale(parts), offset, accuracy)
