"""Student's interval against closed forms, and pairing by seed."""

import math

import numpy as np
import pytest
from scipy import stats

from tl_keras.checks import InputError
from tl_keras.evaluation.intervals import (
    mean_interval,
    paired_accuracy_difference,
    paired_difference,
)


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


def answers(n, better, worse):
    """Correctness of two classifiers that differ on so many of n images, each way."""
    a, b = np.zeros(n, bool), np.zeros(n, bool)
    a[:better] = True
    b[better : better + worse] = True
    a[better + worse :: 2] = b[better + worse :: 2] = True
    return a, b


def test_difference_of_two_classifiers_has_its_closed_form_and_a_sign():
    difference, half = paired_accuracy_difference(*answers(1300, 250, 80))
    assert difference == pytest.approx(170 / 1300)
    spread = math.sqrt(332 - 170**2 / 1302)
    assert half == pytest.approx(stats.t.ppf(0.975, 1299) * spread / 1300)
    assert half == pytest.approx(1.96 * math.sqrt(330 - 170**2 / 1300) / 1300, rel=0.01), "Wald"
    assert paired_accuracy_difference(*answers(1300, 250, 80)[::-1]) == (-difference, half)


@pytest.mark.parametrize("n", [20, 1300])
def test_classifiers_that_never_differ_have_an_interval_by_the_rule_of_three(n):
    difference, half = paired_accuracy_difference(*answers(n, 0, 0))
    assert difference == 0
    assert half == pytest.approx(3 / n, rel=0.1)


@pytest.mark.parametrize("n", [5, 20, 1300])
def test_five_images_all_one_way_are_no_difference_and_six_are_as_in_an_exact_test(n):
    assert stats.binomtest(5, 5).pvalue > 0.05 > stats.binomtest(6, 6).pvalue
    difference, half = paired_accuracy_difference(*answers(n, 5, 0))
    assert difference < half
    if n > 5:
        difference, half = paired_accuracy_difference(*answers(n, 6, 0))
        assert difference > half


@pytest.mark.parametrize("n", [10, 20, 100, 300, 1300])
@pytest.mark.parametrize("discordant", [0.01, 0.05, 0.1])
def test_equal_classifiers_are_told_apart_in_at_most_5_percent(n, discordant):
    """Summed over all outcomes, the probability is exact."""
    differ = np.arange(stats.binom.isf(1e-7, n, discordant) + 1, dtype=int)
    total = 0
    for m in differ:
        better = np.arange(m + 1)
        told = [
            abs(difference) > half
            for difference, half in (
                paired_accuracy_difference(*answers(n, k, m - k)) for k in better
            )
        ]
        total += stats.binom.pmf(m, n, discordant) * stats.binom.pmf(better, m, 0.5)[told].sum()
    assert total <= 0.05


def test_single_image_tells_nothing_and_no_image_is_refused():
    assert paired_accuracy_difference(np.array([True]), np.array([False])) == (1.0, 2.0)
    with pytest.raises(InputError, match=r"at least one image; received bool of shape \(0,\)"):
        paired_accuracy_difference(np.zeros(0, bool), np.zeros(0, bool))
    with pytest.raises(InputError, match="one bool for each .*; received float64"):
        paired_accuracy_difference(np.ones(3), np.ones(3, bool))
    with pytest.raises(InputError, match="on the same images; received 3 and 4"):
        paired_accuracy_difference(np.ones(3, bool), np.ones(4, bool))
