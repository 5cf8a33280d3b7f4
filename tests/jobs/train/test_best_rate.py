"""The rate is chosen on validation; one that diverges is no candidate."""

from types import SimpleNamespace

import pytest

from tl_keras.jobs.train.best_rate import best_of_rates
from tl_keras.training.best_weights import DivergedError

FIGURES = {
    1.0: {"accuracy": 0.5, "loss": 1.0},
    0.3: {"accuracy": 0.7, "loss": 0.9},
    0.1: {"accuracy": 0.7, "loss": 0.8},
}


def fit(rate, diverging=()):
    if rate in diverging:
        raise DivergedError(f"Expected a finite loss; received nan at {rate}.")
    return rate, SimpleNamespace(seconds={"total": 2.0})


def test_the_most_accurate_on_validation_is_kept_ties_by_loss_and_the_time_is_of_all():
    best = best_of_rates(fit, FIGURES, FIGURES.get)
    assert (best.rate, best.model, best.val, best.seconds) == (0.1, 0.1, FIGURES[0.1], 6.0)


def test_a_rate_is_said_where_there_is_a_choice(capfd):
    best_of_rates(fit, [0.1], FIGURES.get)
    assert "Learning rate" not in capfd.readouterr().err
    best_of_rates(fit, [0.1, 0.3], FIGURES.get)
    assert "Learning rate 0.3:" in capfd.readouterr().err


def test_a_rate_that_diverges_is_left_out():
    best = best_of_rates(lambda rate: fit(rate, diverging=(1.0, 0.1)), FIGURES, FIGURES.get)
    assert best.rate == 0.3


def test_all_that_diverge_are_an_error():
    with pytest.raises(DivergedError, match="received nan at 0.1"):
        best_of_rates(lambda rate: fit(rate, diverging=FIGURES), FIGURES, FIGURES.get)
