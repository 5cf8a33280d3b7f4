"""Builds the model that answers with a promised error, and measures it."""

import dataclasses
from collections.abc import Set

import keras
import numpy as np

from tl_keras.checks import InputError
from tl_keras.data.dataset import ImageDataset, Splits
from tl_keras.data.split_records import contents_of
from tl_keras.evaluation.classifiers.answers import answers_on
from tl_keras.evaluation.classifiers.selective_error import (
    RISK,
    Threshold,
    images_to_promise,
    promised_threshold,
)
from tl_keras.evaluation.encoders.probes import extract_features
from tl_keras.models.answers.answering_model import (
    NOTHING,
    build_answering_model,
    features_model,
)
from tl_keras.models.answers.local_distance import NEAREST, fit_local_distance, held_rows
from tl_keras.progress import say
from tl_keras.reports.wording.answers import promise_sentence
from tl_keras.training.distribution.several_machines import from_chief

NOVEL = 0.05  # share of the images of known classes that are taken for novel
CHOOSING = 1 / 3  # share of the new validation images by which a training chooses its weights


def answering(
    model: keras.Model,
    train: ImageDataset,
    val: ImageDataset,
    max_error: float,
    *,
    flips: bool = False,
    seed: int = 0,
) -> tuple[keras.Model, dict]:
    """Builds the model that answers, calibrated on validation images.

    Novelty is that of the trained model's features. Its limit and the least certainty come from
    images that the training has not seen: they are drawn like those to come, as the promise
    demands. Predictions out of fold for training images are of other models, and their
    near-duplicates would be in other folds, so they take no part.

    Args:
        model: trained classifier.
        train: its training images.
        val: validation images for the promise, see `divided`.
        max_error: promised error among the answers, 0-1.
        flips: whether predictions are means over each image and its mirror image.
        seed: of the choice of training images that are held.

    Returns:
        (model of `build_answering_model`, content of "answers" in metrics.json)
    """
    rows = held_rows(train.labels, seed)
    features = extract_features(features_model(model), train.subset(rows))
    distance = fit_local_distance(from_chief(features))
    raw = answers_on(build_answering_model(model, distance, flips=flips), val)
    limit = from_chief(novelty_limit(raw.novelty))
    found = dataclasses.replace(raw, novelty=raw.novelty - limit)
    known = ~found.novel
    threshold = promised_threshold(found.certainty[known], found.right[known], max_error)
    least = from_chief(NOTHING if threshold.least is None else threshold.least)
    answering_model = build_answering_model(
        model, distance, flips=flips, least_certainty=least, largest_novelty=limit
    )
    figures = _figures(threshold, max_error, len(val))
    say(promise_sentence(figures))
    return answering_model, figures


def divided(
    splits: Splits, seen: Set[bytes] = frozenset(), *, chooses: bool, seed: int = 0
) -> tuple[ImageDataset, ImageDataset]:
    """Returns the validation images that the training sees, and those for the promise.

    Weights that were chosen by some images are better on these than on others. So those for the
    promise have no part in such a choice, nor has any image of their groups: a third of the
    `calibration_rows` is drawn for it.

    Args:
        splits: the data.
        seen: see `calibration_rows`.
        chooses: whether the training chooses among weights by validation. If not, it has all.
        seed: of the drawing.
    """
    val, rows = splits.val, calibration_rows(splits, seen)
    training = np.arange(len(val))
    if chooses:
        mixed = np.random.default_rng([seed, 13]).permutation(rows)
        rows = np.sort(mixed[round(CHOOSING * len(rows)) :])
        groups = _groups(val)
        training = np.flatnonzero(~np.isin(groups, groups[rows]))
    if len(rows) < len(val):
        say(
            f"{len(val) - len(rows)} of {len(val)} validation images take no part in the promise: "
            "the network was trained on them, they lie in the group of another, or the training "
            "chooses among its weights by them."
        )
    return val.subset(training), val.subset(rows)


def calibration_rows(splits: Splits, seen: Set[bytes] = frozenset()) -> np.ndarray:
    """Returns the rows of validation images that tell of new images, each by itself.

    Those that are the same as a training image, or nearly, were learned by heart, and so were those
    that the backbone was trained on. Images of one group resemble each other, so the first stands
    for all.

    Args:
        splits: the data.
        seen: hashes of the images that the backbone was trained on.
    """
    train, val, _, inspection = splits
    contents = getattr(inspection, "contents", {})
    known = seen | set(contents_of(train, contents))
    near = {
        name
        for leak in getattr(inspection, "leaks", ())
        if set(leak.splits) == {train.split, val.split}
        for name, split in zip((leak.first, leak.second), leak.splits, strict=True)
        if split == val.split
    }
    groups = _groups(val)
    each = zip(val.ids, contents_of(val, contents), strict=True)
    is_known = np.array([name in near or content in known for name, content in each], bool)
    new = np.flatnonzero(~np.isin(groups, groups[is_known]))
    return np.sort(new[np.unique(groups[new], return_index=True)[1]])


def _groups(images):
    return np.arange(len(images)) if images.groups is None else images.groups


def check_images(splits: Splits, seen: Set[bytes] = frozenset()) -> None:
    """Refuses data on which no error can be promised, before any training.

    Raises:
        InputError: there are no two new validation images, or hardly a training image.
    """
    train, val, *_ = splits
    if not len(val) or len(train) < NEAREST:
        raise InputError(
            f"Expected validation images, and at least {NEAREST} training images, for max_error; "
            f"received {len(val)} and {len(train)}. Give more with --split, or leave it out."
        )
    new = len(calibration_rows(splits, seen))
    if new < 2:
        raise InputError(
            f"Expected 2 validation images that are new for max_error, at least; received {new} "
            f"among {len(val)}: the others lie in their groups, or were trained on, here or by the "
            "backbone. Give others, or leave it out."
        )


def _figures(threshold: Threshold, max_error, images):
    return {
        "max_error": max_error,
        "risk": RISK,
        "val": {
            "images": images,
            "known": threshold.images,
            "answered": threshold.answered,
            "errors": threshold.errors,
        },
        "first": {"images": threshold.first, "errors": threshold.first_errors},
        "needed": images_to_promise(threshold, max_error),
    }


def novelty_limit(novelty: np.ndarray) -> float:
    """Returns the novelty that a new image of a known class exceeds with probability 0.05.

    It is the ceil(0.95 (n + 1))-th smallest of n, the conformal quantile, or the largest where
    there are fewer than 19.
    """
    place = int(np.ceil((1 - NOVEL) * (len(novelty) + 1)))
    return float(np.sort(novelty)[min(place, len(novelty)) - 1])
