"""Average of the predictions of the networks of a fine-tuning."""

import dataclasses
from collections.abc import Sequence

import keras
import numpy as np

from tl_keras.checks import InputError
from tl_keras.models.averaged_classifier import build_averaged_classifier, networks_of
from tl_keras.models.signature import gives_logits
from tl_keras.training.distribution.several_machines import from_chief
from tl_keras.training.history import TrainingHistory
from tl_keras.training.temperature import (
    best_temperature,
    fit_temperature,
    fold_temperature,
    log_losses,
    tempered,
)

_PRIOR = 10  # validation images that speak for each network before one is seen
_LEAST = 0.05  # a network that counts for less is left out
_ROUNDS = 200  # of expectation maximisation, far more than it takes


@dataclasses.dataclass(frozen=True, eq=False)
class Members:
    """Networks whose predictions are averaged: the linear start and the ends of fine-tunings.

    Attributes:
        points: index of the point of each among `FromLinear.points`. The fine-tuned one that counts
            most is the first.
        weights: those of each above the frozen part.
        proportions: what each counts for, 1 in all.
        temperatures: by which the logits of each are divided.
        val: float (members, views, n, num_classes), probabilities of each for the validation
            images, which it was not trained on, before the temperatures; None without any.
        again: whether each was fitted again on the validation images too; None without a last fit.
    """

    points: list[int]
    weights: list[list[np.ndarray]]
    proportions: list[float]
    temperatures: list[float]
    val: np.ndarray | None = None
    again: list[bool] | None = None

    def refitted(self, weights: Sequence[list[np.ndarray] | None]) -> "Members":
        """Returns them after a last fit.

        Args:
            weights: of each; None for one that was not fitted again, which stays as it is.
        """
        pairs = zip(weights, self.weights, strict=True)
        new = [old if again is None else again for again, old in pairs]
        return dataclasses.replace(self, weights=new, again=[each is not None for each in weights])

    @property
    def average(self) -> np.ndarray | None:
        """Average (views, n, num_classes) for the validation images; None without any."""
        return (
            None
            if self.val is None
            else weighted_average(self.val, self.proportions, self.temperatures)
        )


def fit_members(
    points: Sequence[int],
    weights: Sequence[list[np.ndarray]],
    val: np.ndarray | None,
    labels: np.ndarray | None = None,
    image_weights: np.ndarray | None = None,
) -> Members:
    """Returns what each of several networks counts for in their average.

    See `fit_proportions`. One that counts for less than a twentieth is left out, so that one alone
    may be left. Without validation images all count alike.

    Args:
        points, weights, val: see `Members`.
        labels: ints (n,).
        image_weights: float (n,), see `fit_proportions`.

    Returns:
        `Members`.
    """
    kept = np.arange(len(points))
    if val is not None:
        kept = kept[np.isfinite(val).all(axis=(1, 2, 3))]
    proportions, temperatures = np.full(len(kept), 1 / len(kept)), np.ones(len(kept))
    while val is not None and len(kept) > 1:
        fitted = fit_proportions(val[kept], labels, image_weights)
        proportions, temperatures = from_chief([*fitted])
        if proportions.min() >= _LEAST:
            break
        kept = kept[proportions >= _LEAST]
    if len(kept) == 1:
        proportions, temperatures = np.ones(1), np.ones(1)
    # The network inside that commands go on with is to be fine-tuned.
    order = sorted(range(len(kept)), key=lambda n: (points[kept[n]] == 0, -proportions[n]))
    kept = kept[order]
    return Members(
        [points[place] for place in kept],
        [weights[place] for place in kept],
        proportions[order].tolist(),
        temperatures[order].tolist(),
        None if val is None else val[kept],
    )


def fit_proportions(
    probabilities: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Returns what each of several networks counts for in their average, and its temperature.

    The logits of each network are divided by the temperature that suits it alone. Then the
    proportions a maximise sum_i log(sum_k a_k p_k(y_i)) + prior * sum_k log(a_k). This is a mixture
    with a Dirichlet prior, as if ten images spoke for each network before one is seen; its maximum
    is unique, and expectation maximisation finds it. Last, one factor on all temperatures makes the
    log loss of the average lowest. Weights act on the proportions alone, as probabilities are to
    fit the data as they are.

    Args:
        probabilities: float (members, views, n, num_classes) for images that no network was trained
            on. The mean over views counts.
        labels: ints (n,).
        weights: float (n,) of the images, 1 in the mean; None for 1 each.

    Returns:
        (proportions (members,), temperatures (members,))

    Reference:
        Mixture of experts with constant gates: Jordan and Jacobs 1994, "Hierarchical mixtures of
        experts and the EM algorithm", Neural Computation 6 (2).
    """
    temperatures = np.array([fit_temperature(each, labels) for each in probabilities])
    single = [tempered(*pair) for pair in zip(probabilities, temperatures, strict=True)]
    right = np.exp(-np.array([log_losses(each, labels) for each in single]))
    proportions = np.full(len(right), 1 / len(right))
    counts = 1 if weights is None else weights
    for _ in range(_ROUNDS):
        shares = proportions[:, None] * right
        proportions = _PRIOR + (counts * shares / shares.sum(axis=0)).sum(axis=1)
        proportions /= proportions.sum()

    def losses_at(factor):
        average = weighted_average(probabilities, proportions, factor * temperatures)
        return log_losses(average.mean(axis=0), labels)

    return proportions, best_temperature(losses_at) * temperatures


def average_classifier(model: keras.Model, history: TrainingHistory) -> keras.Model:
    """Builds a model that averages the predictions of the networks of a fine-tuning.

    `fine_tune` leaves its model at one point and keeps in its history the weights at the linear
    start and at the end of each fine-tuning. Their average is right more often. What each counts
    for, and its temperature, was fitted on validation images. The part that was frozen is shared
    and runs once for all.

    Example:
        history = fine_tune(model, train, val)
        averaged = average_classifier(model, history)

    Args:
        model: classifier as `fine_tune` left it. It is copied.
        history: what `fine_tune` returned.

    Returns:
        Functional model: images (b, h, w, 3) RGB 0-255 -> probabilities (b, num_classes) float32.
        `classifier_of` returns the fine-tuned network that counts most, also after saving and
        loading.

    Raises:
        InputError: the history has no networks to average, or the model was changed since.

    Reference:
        Averaged predictions of networks: Lakshminarayanan, Pritzel and Blundell 2017,
        arXiv 1612.01474. Here the networks share one start and their frozen part.
    """
    members = history.from_linear and history.from_linear.members
    if members is None:
        raise InputError(
            "Expected the history of a fine-tuning from a linear start, with average=True and a "
            "preset above 'fast'; received one without networks to average, or of which one counts "
            "for nearly all. Use the model as it is."
        )
    averaged = build_averaged_classifier(
        model, members.weights, members.proportions, logits=gives_logits(model)
    )
    for network, temperature in zip(networks_of(averaged), members.temperatures, strict=True):
        fold_temperature(network, temperature)
    return averaged


def weighted_average(
    probabilities: np.ndarray,
    proportions: Sequence[float],
    temperatures: Sequence[float] | None = None,
) -> np.ndarray:
    """Returns the average of the predictions of several networks.

    Args:
        probabilities: float (networks, ..., n, num_classes).
        proportions: what each counts for, 1 in all.
        temperatures: by which the logits of each are divided before; None for 1.

    Returns:
        float64 (..., n, num_classes).
    """
    if temperatures is not None:
        pairs = zip(probabilities, temperatures, strict=True)
        probabilities = [tempered(each[None], temperature) for each, temperature in pairs]
    return np.tensordot(proportions, probabilities, 1)
