"""Sentences of a recommendation."""

import math
from collections.abc import Mapping, Sequence

from tl_keras.evaluation.policy.judging import HIT, LEARNED, SHIPPED, Judgement
from tl_keras.evaluation.policy.policies import FEW, SEPARATED
from tl_keras.evaluation.policy.table import Row
from tl_keras.reports.wording.numbers import format_percent
from tl_keras.settings.few_labels.recommend import STRATEGIES

_BEYOND = 2  # factor on the most labels per class of the table
_POLICIES = {
    "always balanced": "Fine-tuning is recommended for all data",
    "always the best on average": "The strategy that is best on average is recommended",
    "fixed rule": (
        f"A fixed rule chooses: the linear start for fewer than {FEW} images of a class or a "
        f"linear start that is right on {SEPARATED:.0%}, else fine-tuning"
    ),
    LEARNED: "A policy learned from the results on other data sets chooses",
}


def policy_sentences(judgement: Judgement) -> list[str]:
    """Returns which policy chooses, why it is that one, and its hit rate so far."""
    regrets = judgement.regrets
    beside = ", ".join(
        f"{name} {100 * value:.1f}" for name, value in regrets.items() if name != SHIPPED
    )
    why = (
        "it is better than each of the others with its 95% interval"
        if SHIPPED == LEARNED
        else "no policy that was learned from the results is better with its 95% interval"
    )
    return [
        f"{_POLICIES[SHIPPED]}: {why}.",
        f"On data sets left out its accuracy is {100 * regrets[SHIPPED]:.1f} points below that of "
        f"the best strategy that was measured there ({beside}).",
        f"Hit rate so far: {format_percent(judgement.hits[SHIPPED], 0)} of the choices were within "
        f"{100 * HIT:g} point of the best, on {judgement.training_sets} training sets of "
        f"{judgement.data_sets} data sets, which count the same.",
        "In these results fine-tuning keeps one network; `train` averages several, which was a "
        "little better.",
    ]


def descriptor_sentences(descriptors: Mapping[str, float]) -> list[str]:
    """Returns the descriptors of a training set in words."""
    classes, images = descriptors["classes"], descriptors["images"]
    chance = 1 / classes
    grey = {0.0: "colour", 1.0: "grey"}.get(descriptors["grey"], "partly grey")
    sentences = [
        f"{images:,.0f} training images of {classes:.0f} classes, "
        f"{descriptors['rarest']:.0f} of the rarest; {grey}, {descriptors['side']:.0f} pixels on "
        "the shorter side."
    ]
    if math.isnan(descriptors["linear_accuracy"]):
        return [*sentences, "No image can be held out: accuracy cannot be expected."]
    return [
        *sentences,
        f"A logistic regression on frozen features is right on "
        f"{format_percent(descriptors['linear_accuracy'])} of the training images that it is not "
        f"fitted to (chance {format_percent(chance)}), log loss {descriptors['linear_loss']:.2f}.",
        f"The five nearest images are right on {format_percent(descriptors['knn_accuracy'])}, the "
        f"nearest class mean on {format_percent(descriptors['prototype_accuracy'])}; LogME "
        f"{descriptors['logme']:.2f}.",
    ]


def beyond_sentences(descriptors: Mapping[str, float], rows: Sequence[Row]) -> list[str]:
    """Returns a warning where the training set has far more labels than those of the table."""
    known = [row.descriptors["labels_per_class"] for row in rows]
    labels = descriptors["labels_per_class"]
    if labels <= _BEYOND * max(known):
        return []
    return [
        f"The results are those of {min(known):.0f} to {max(known):.0f} labels per class; yours "
        f"has {labels:.0f}. With more labels fine-tuning gains more, and the expected accuracies "
        "tell little."
    ]


def title_of(strategy: str) -> str:
    """Returns the name of a strategy as a title."""
    return STRATEGIES[strategy].title
