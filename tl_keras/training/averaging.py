"""Average of the predictions of several fine-tunings from one linear start."""

import dataclasses
from collections.abc import Sequence

import keras
import numpy as np

from tl_keras.checks import InputError
from tl_keras.models.averaged_classifier import build_averaged_classifier
from tl_keras.models.signature import gives_logits
from tl_keras.training.history import TrainingHistory


@dataclasses.dataclass(frozen=True, eq=False)
class Members:
    """Networks whose predictions are averaged: the one that was chosen, and others.

    The others are the linear start and the ends of the other fine-tunings.

    Attributes:
        points: index of the point of each among `FromLinear.points`, the chosen one first.
        weights: those above the frozen part, of each but the first, which the model has.
        val: float (members, views, n, num_classes), probabilities of each for the validation
            images, which it was not trained on; None without any.
    """

    points: list[int]
    weights: list[list[np.ndarray]]
    val: np.ndarray | None = None

    def refitted(self, weights: Sequence[list[np.ndarray] | None]) -> "Members | None":
        """Returns them after a last fit.

        Args:
            weights: of each but the first; None for one that was not fitted, which is left out.

        Returns:
            `Members`; None if only the first is left.
        """
        kept = [0, *(place for place, each in enumerate(weights, 1) if each is not None)]
        if len(kept) == 1:
            return None
        return Members(
            [self.points[place] for place in kept],
            [each for each in weights if each is not None],
            None if self.val is None else self.val[kept],
        )


def average_classifier(model: keras.Model, history: TrainingHistory) -> keras.Model:
    """Builds a model that averages the predictions of the networks of a fine-tuning.

    With preset="best", `fine_tune` leaves its model at one point and keeps the weights of others in
    its history. The mean of their probabilities is right more often. The part that was frozen is
    shared and runs once for all.

    Example:
        history = fine_tune(model, train, val, preset="best")
        averaged = average_classifier(model, history)

    Args:
        model: classifier as `fine_tune` left it. Its layers are shared.
        history: what `fine_tune` returned.

    Returns:
        Functional model: images (b, h, w, 3) RGB 0-255 -> probabilities (b, num_classes) float32.
        `classifier_of` returns the single classifier in it, also after saving and loading.

    Raises:
        InputError: the history has no networks to average, or the model was changed since.

    Reference:
        Averaged predictions of networks: Lakshminarayanan, Pritzel and Blundell 2017,
        arXiv 1612.01474. Here the networks share one start and their frozen part.
    """
    members = history.from_linear and history.from_linear.members
    if members is None:
        raise InputError(
            "Expected the history of a fine-tuning with preset='best'; received one without other "
            "networks to average. Use the model as it is."
        )
    return build_averaged_classifier(model, members.weights, logits=gives_logits(model))
