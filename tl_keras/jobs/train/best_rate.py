"""Training at several learning rates, of which validation chooses."""

import dataclasses

import keras

from tl_keras.progress import say
from tl_keras.training.best_weights import DivergedError


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


def best_of_rates(fit, rates, measure):
    """Trains once at each learning rate; the best on validation is kept.

    A net at random weights may stay on its plateau at the rate that suits a pretrained one, and
    against such an opponent any transfer wins. A new head on frozen features may hardly move.

    Args:
        fit: function from a rate to (new model, history).
        rates: numbers.
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
        if best is None or _score(figures) > _score(best.val):
            best = BestOfRates(model, history, rate, figures, 0.0)
    if best is None:
        raise diverged
    return dataclasses.replace(best, seconds=seconds)


def _score(figures):
    return figures["accuracy"], -figures["loss"]
