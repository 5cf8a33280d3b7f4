"""Intervals against closed forms, slow plain versions and exact probabilities."""

import math

import numpy as np
import pytest
from scipy import stats

from tl_keras.checks import InputError
from tl_keras.evaluation.classifiers.classification import accuracy_interval
from tl_keras.evaluation.statistics.intervals import (
    crossed_difference,
    mean_accuracy,
    mean_interval,
    paired_accuracy_difference,
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


@pytest.mark.parametrize(
    ("n", "discordant"), [(10, 0.3), (20, 0.3), (20, 0.6), (100, 0.1), (100, 0.3), (1300, 0.02)]
)
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
    with pytest.raises(InputError, match="one bool for each .* image; received float64"):
        paired_accuracy_difference(np.ones(3), np.ones(3, bool))
    with pytest.raises(InputError, match=r"same images; .* \(3,\) and \(4,\)"):
        paired_accuracy_difference(np.ones(3, bool), np.ones(4, bool))


def crossed(seed, seeds=3, images=40, better=0.0):
    """Answers of two methods: hard and easy images, some seeds better than others."""
    rng = np.random.default_rng(seed)
    luck, hardness = rng.normal(0, 0.1, (2, seeds, 1)), rng.random(images)
    return [
        rng.random((seeds, images)) < np.clip(hardness + moved, 0, 1)
        for moved in (luck[0] + better, luck[1])
    ]


@pytest.mark.parametrize(("seeds", "images"), [(2, 15), (3, 40), (10, 25)])
def test_interval_over_seeds_and_images_is_that_of_a_plain_analysis_of_variance(seeds, images):
    a, b = crossed(seeds, seeds, images)
    x = a.astype(float) - b
    # The images on which they differ, and two more of their mean size, one each way.
    of_image = x.mean(axis=0)
    size = math.sqrt((of_image[(x != 0).any(axis=0)] ** 2).mean())
    more = [*of_image, size, -size]
    v_images = sum((v - sum(more) / (images + 2)) ** 2 for v in more) / images**2
    rest = [
        x[s, i] - x[s].mean() - x[:, i].mean() + x.mean()
        for s in range(seeds)
        for i in range(images)
    ]
    v_rest = sum(r**2 for r in rest) / ((seeds - 1) * (images - 1)) / (seeds * images)
    v_seeds = x.mean(axis=1).var(ddof=1) / seeds
    t_seeds, t_images = (stats.t.ppf(0.975, n - 1) for n in (seeds, images))
    half = math.sqrt(
        max(t_seeds**2 * v_seeds, t_images**2 * v_rest) + t_images**2 * max(v_images - v_rest, 0)
    )
    found = crossed_difference(a, b)
    assert found.mean == pytest.approx(x.mean())
    assert found.half == pytest.approx(min(half, 1 + abs(x.mean()))), "none is wider than all"
    assert found.n == seeds


def test_three_seeds_that_differ_by_one_and_the_same_image_are_not_told_apart():
    a = np.random.default_rng(0).random((3, 40)) < 0.7
    a[:, 7] = False
    b = a.copy()
    b[:, 7] = True
    found = crossed_difference(b, a)
    assert found.mean == pytest.approx(0.025)
    assert found.half > 0.05
    assert found.half == pytest.approx(paired_accuracy_difference(b[0], a[0])[1], rel=1e-3)


def test_interval_is_never_narrower_than_that_of_the_seeds_or_of_the_images():
    for seed in range(50):
        a, b = crossed(seed, seeds=3 + seed % 4)
        of_seeds = mean_interval(a.mean(axis=1) - b.mean(axis=1)).half
        mean_of_images = (a.astype(float) - b).mean(axis=0)
        of_images = 1.96 * mean_of_images.std() / math.sqrt(40)
        assert crossed_difference(a, b).half > max(of_seeds, of_images) - 1e-12


def test_one_seed_leaves_the_interval_of_the_images():
    a, b = crossed(0, seeds=1)
    found = crossed_difference(a, b)
    assert (found.mean, found.half) == paired_accuracy_difference(a[0], b[0])
    assert found.n == 1


def test_methods_that_answer_alike_have_an_interval_all_the_same():
    alike = np.random.default_rng(0).random((3, 300)) < 0.9
    found = crossed_difference(alike, alike)
    assert (found.mean, found.half) == (0, pytest.approx(3 / 300, rel=0.1))


def test_accuracy_of_many_images_has_wilsons_interval_and_is_wider_where_seeds_differ():
    one = np.arange(1000)[None] % 10 > 0
    low, high = accuracy_interval(0.9, 1000)
    assert mean_accuracy(one).half == pytest.approx((high - low) / 2, rel=0.02)
    alike, apart = mean_accuracy(np.repeat(one, 3, 0)), np.repeat(one, 3, 0)
    apart[1, :50] = False
    assert alike.half == pytest.approx(mean_accuracy(one).half, rel=1e-3)
    assert mean_accuracy(apart).half > 2 * alike.half
    assert mean_accuracy(apart).mean == pytest.approx(apart.mean())
    assert 0.002 < mean_accuracy(np.ones((3, 1000), bool)).half < 0.004


def test_answers_of_other_seeds_or_images_are_refused():
    with pytest.raises(InputError, match=r"same images; .* \(3, 5\) and \(2, 5\)"):
        crossed_difference(np.ones((3, 5), bool), np.ones((2, 5), bool))
    with pytest.raises(InputError, match=r"image of each seed; received bool of shape \(5,\)"):
        crossed_difference(np.ones(5, bool), np.ones(5, bool))
