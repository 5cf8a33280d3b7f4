"""Suspect labels and odd images, found in the features of a network or in pixels."""

import dataclasses
from collections.abc import Iterator

import numpy as np

from tl_keras.checks import InputError
from tl_keras.data.fixes.finding import ODD, SUSPECT, Finding
from tl_keras.data.fixes.fixes_file import DROP, RELABEL
from tl_keras.evaluation.classifiers.neighbour_labels import (
    neighbour_probabilities,
    with_neighbours,
)
from tl_keras.evaluation.classifiers.suspect_labels import SuspectLabels, find_suspect_labels
from tl_keras.jobs.check.features import SeenImages
from tl_keras.jobs.check.images import CheckedImages
from tl_keras.progress import say
from tl_keras.training.fine_tuning.linear_start import fit_linear_start, stratified_folds

_FAR = 3  # interquartile ranges above the third quartile, Tukey's "far out"


def suspects_of(
    checked: CheckedImages, seen: SeenImages | None, groups: np.ndarray | None, seed: int
) -> SuspectLabels:
    """Estimates how probably each label is wrong, by a logistic regression and by neighbours.

    Args:
        seen: `SeenImages`; None for no features, with which nothing is known.
        groups: ints (n,); copies of an image are in one fold with it. None for no copies.
        seed: of the folds.
    """
    # A class of unreadable images alone is not there.
    there, labels = np.unique(checked.labels, return_inverse=True)
    labels = labels.reshape(-1)
    if seen is None:
        return find_suspect_labels(np.full((len(labels), max(len(there), 2)), np.nan), labels)
    try:
        probabilities = _held_out(seen.features, labels, len(there), groups, seed)
        near = neighbour_probabilities(seen.neighbours, labels, len(there), groups)
        probabilities = with_neighbours(probabilities, near)
    except InputError as error:
        say(f"NO LABEL IS JUDGED: {error}")
        probabilities = np.full((len(labels), max(len(there), 2)), np.nan)
    found = find_suspect_labels(probabilities, labels)
    return dataclasses.replace(found, guesses=there[found.guesses])


def _held_out(features, labels, classes, groups, seed):
    """Returns probabilities (n, classes) of all images by fits without them."""
    start = fit_linear_start(features[None], labels, classes, seed=seed, groups=groups)
    probabilities = start.probabilities
    if np.isnan(probabilities).all(axis=1).mean() > 0.5:  # of very many images few are held out
        for fitted, held in stratified_folds(labels, seed, groups, every=True):
            part = fit_linear_start(features[None, fitted], labels[fitted], classes, seed=seed)
            probabilities[held] = part.predict(features[None, held])[0]
    return probabilities


def suspect_findings(checked: CheckedImages, suspects: SuspectLabels) -> Iterator[Finding]:
    """Yields a finding for each label that is more probably wrong than right."""
    for row in map(int, suspects.rows):
        new = checked.images.class_names[suspects.guesses[row]]
        if new == checked.class_of(row):
            continue
        reason = f"{new} rather than {checked.class_of(row)}: {suspects.wrong[row]:.0%} probable"
        fix = checked.fix(row, RELABEL, reason, new)
        yield Finding(SUSPECT, (row,), (fix,), reason, (checked.names[row],))


def odd_findings(checked: CheckedImages, loneliness: np.ndarray) -> Iterator[Finding]:
    """Yields a finding for each image far from all others; `loneliness` is 1 for the usual."""
    low, high = np.quantile(loneliness, [0.25, 0.75])
    far = np.flatnonzero(loneliness > high + _FAR * (high - low))
    for row in map(int, far[np.argsort(-loneliness[far], kind="stable")]):
        reason = f"{loneliness[row]:.1f} times as far from its nearest images as usual"
        fix = checked.fix(row, DROP, reason)
        yield Finding(ODD, (row,), (fix,), reason, (checked.names[row],))
