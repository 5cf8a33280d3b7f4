"""Builds the model that answers with a promised error, and measures it."""

import dataclasses

import keras
import numpy as np

from tl_keras.checks import InputError
from tl_keras.data.dataset import Splits
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


def answering(
    model: keras.Model, splits: Splits, max_error: float, *, flips: bool = False, seed: int = 0
) -> tuple[keras.Model, dict]:
    """Builds the model that answers, calibrated on validation images.

    Novelty is that of the trained model's features. Its limit and the least certainty come from
    validation images, which the training has not seen: they are drawn like those to come, as the
    promise demands. Predictions out of fold for training images are of other models, and their
    near-duplicates would be in other folds, so they take no part.

    Args:
        model: trained classifier.
        splits: its data.
        max_error: promised error among the answers, 0-1.
        flips: whether predictions are means over each image and its mirror image.
        seed: of the choice of training images that are held.

    Returns:
        (model of `build_answering_model`, content of "answers" in metrics.json)
    """
    train, val, *_ = splits
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


def check_images(splits: Splits) -> None:
    """Refuses data on which no error can be promised, before any training.

    Raises:
        InputError: there is no validation image, or hardly a training image.
    """
    train, val, *_ = splits
    if not len(val) or len(train) < NEAREST:
        raise InputError(
            f"Expected validation images, and at least {NEAREST} training images, for max_error; "
            f"received {len(val)} and {len(train)}. Give more with --split, or leave it out."
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
