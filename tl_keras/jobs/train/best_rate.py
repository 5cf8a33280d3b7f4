"""Training at several learning rates, of which validation chooses."""

import dataclasses
from collections.abc import Callable, Sequence

import keras

from tl_keras.progress import say
from tl_keras.training.best_weights import DivergedError
from tl_keras.training.distribution.several_machines import from_chief
from tl_keras.training.history import TrainingHistory


@dataclasses.dataclass(frozen=True)
class BestOfRates:
    """The best of several trainings.

    Attributes:
        model, history, rate: of the best.
        val: its figures on validation.
        seconds: of all.
    """

    model: keras.Model
    history: keras.callbacks.History
    rate: float
    val: dict
    seconds: float


def best_of_rates(
    fit: Callable[[float], tuple[keras.Model, TrainingHistory]],
    rates: Sequence[float],
    measure: Callable[[keras.Model], dict],
) -> BestOfRates:
    """Trains once at each learning rate; the best on validation is kept.

    A network with random weights may not learn at the rate that suits a pretrained one, and any
    transfer wins against it. A new head on frozen features may hardly move at that rate.

    Args:
        measure: function from a model to its figures on validation, which choose: by accuracy,
            ties by loss.

    Returns:
        `BestOfRates`; a rate at which the loss became NaN is out of the running.

    Raises:
        DivergedError: it became NaN at every rate.
    """
    best, seconds, diverged = None, 0.0, None
    for rate in rates:
        if len(rates) > 1:
            say(f"Learning rate {rate:g}:")
        try:
            model, history = fit(rate)
        except DivergedError as error:
            diverged = error
            say(str(error))
            continue
        seconds += history.seconds["total"]
        figures = measure(model)
        if from_chief(best is None or _score(figures) > _score(best.val)):
            best = BestOfRates(model, history, rate, figures, 0.0)
    if best is None:
        raise diverged
    return dataclasses.replace(best, seconds=seconds)


def _score(figures):
    return figures["accuracy"], -figures["loss"]
