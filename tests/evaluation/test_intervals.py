"""Student's interval against closed forms, and pairing by seed."""

import math

import numpy as np
import pytest
from scipy import stats

from tl_keras.checks import InputError
from tl_keras.evaluation.intervals import mean_interval, paired_difference


def test_two_and_three_values_have_the_closed_form_of_student():
    """The quantile is tan(pi (p - 1/2)) with 1 and (2p - 1) / sqrt(2 p (1 - p)) with 2 degrees."""
    p = 0.975
    two, three = mean_interval([0.5, 0.7]), mean_interval([1, 2, 6])
    assert two.mean == pytest.approx(0.6)
    assert two.half == pytest.approx(math.tan(math.pi * (p - 0.5)) * 0.1)
    spread = math.sqrt((4 + 1 + 9) / 2)
    assert three.half == pytest.approx(
        (2 * p - 1) / math.sqrt(2 * p * (1 - p)) * spread / math.sqrt(3)
    )
    assert (three.low, three.high) == (3 - three.half, 3 + three.half)


@pytest.mark.parametrize("n", [2, 3, 5, 30])
def test_interval_is_that_of_scipy(n):
    values = np.random.default_rng(n).normal(0.7, 0.1, n)
    ours = mean_interval(values)
    low, high = stats.t.interval(0.95, n - 1, values.mean(), stats.sem(values))
    assert (ours.low, ours.high, ours.n) == (pytest.approx(low), pytest.approx(high), n)


def test_it_holds_the_true_mean_19_times_in_20():
    rng = np.random.default_rng(0)
    intervals = [mean_interval(rng.normal(size=3)) for _ in range(2000)]
    assert np.mean([i.low < 0 < i.high for i in intervals]) == pytest.approx(0.95, abs=0.015)


def test_single_value_has_no_interval():
    one = mean_interval([0.8])
    assert (one.mean, one.half, one.low, one.high, one.n) == (0.8, None, None, None, 1)


@pytest.mark.parametrize("values", [[], [0.5, math.nan], [math.inf]])
def test_no_values_and_no_numbers_are_refused(values):
    with pytest.raises(InputError, match="at least one finite number; received"):
        mean_interval(values)


def test_difference_is_taken_on_shared_seeds_only():
    first, second = {0: 0.9, 1: 0.8, 2: 0.1}, {1: 0.7, 0: 0.75, 5: 0.2}
    difference = paired_difference(first, second)
    assert difference == mean_interval([0.9 - 0.75, 0.8 - 0.7])
    assert paired_difference({0: 1.0}, {1: 1.0}) is None


def test_pairing_takes_out_what_the_seed_does_to_both():
    luck = {0: 0.1, 1: -0.2, 2: 0.15}
    first = {seed: 0.7 + value for seed, value in luck.items()}
    second = {seed: 0.6 + value for seed, value in luck.items()}
    assert mean_interval(list(first.values())).half > 0.3
    assert paired_difference(first, second).half == pytest.approx(0, abs=1e-12)
