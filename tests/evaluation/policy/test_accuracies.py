"""Expected accuracy of a strategy, and its interval."""

import numpy as np
import pytest

from tests.evaluation.policy.small_tables import row
from tl_keras.evaluation.policy.accuracies import coverage, expected_accuracy, mean_error

GAINS = (0.0, 0.1, 0.05, 0.05)


def rows_with(gains, per_set=1):
    return [
        row(f"set {number}", start=0.6, balanced=0.6 + gain)
        for number, gain in enumerate(gains)
        for _ in range(per_set)
    ]


def test_expected_accuracy_adds_the_mean_gain_to_the_held_out_accuracy():
    new = row(start=0.4).descriptors
    found = expected_accuracy("balanced", new, rows_with(GAINS))
    half = 3.182446 * np.std(GAINS, ddof=1) * np.sqrt(1 + 1 / 4)  # Student's t, three degrees
    assert found.mean == pytest.approx(0.45)
    assert (found.low, found.high) == pytest.approx((0.45 - half, 0.45 + half))
    assert found.data_sets == 4


def test_repeated_rows_of_a_data_set_change_nothing():
    new = row(start=0.4).descriptors
    once, often = (expected_accuracy("balanced", new, rows_with(GAINS, n)) for n in (1, 5))
    assert (once.mean, once.low) == pytest.approx((often.mean, often.low))


def test_accuracy_stays_between_zero_and_one():
    found = expected_accuracy("balanced", row(start=0.99).descriptors, rows_with(GAINS))
    assert found.high == 1
    assert found.mean == 1


def test_no_accuracy_below_chance_is_expected():
    losses = [row(f"set {number}", start=0.6, balanced=0.1) for number in range(4)]
    new = row(start=0.3).descriptors | {"classes": 5.0}
    found = expected_accuracy("balanced", new, losses)
    assert found.mean == 0.2 and found.low == 0 and found.high == 0.2


def test_nothing_is_expected_of_few_data_sets_or_without_images_held_out():
    new = row(start=0.4).descriptors
    assert expected_accuracy("balanced", new, rows_with(GAINS[:3])) is None
    assert expected_accuracy("full", new, rows_with(GAINS)) is None
    unknown = new | {"linear_accuracy": float("nan")}
    assert expected_accuracy("balanced", unknown, rows_with(GAINS)) is None


def test_rows_of_other_label_budgets_are_used_only_where_near_ones_are_few():
    far = rows_with((0.3, 0.3, 0.3, 0.3))
    for each in far:
        each.descriptors["labels_per_class"] = 1000.0
    new = row(start=0.4).descriptors
    assert expected_accuracy("balanced", new, [*rows_with(GAINS), *far]).mean == pytest.approx(0.45)
    few = [*rows_with(GAINS[:2]), *far]
    assert expected_accuracy("balanced", new, few).mean > 0.5


def test_coverage_leaves_out_the_data_set_that_it_asks_for():
    outlier = row("far away", start=0.6, linear=0.6, balanced=0.95)
    assert coverage([*rows_with((0.05, 0.051, 0.049, 0.05, 0.052)), outlier]) < 1


def test_mean_error_is_that_of_the_data_set_left_out():
    gains = (0.0, 0.1, 0.05, 0.05, 0.15)
    others = [np.mean(gains[:n] + gains[n + 1 :]) for n in range(5)]
    expected = [*np.abs(np.array(gains) - others), *np.zeros(5)]  # the linear start gains nothing
    rows = [row(str(n), linear=0.6, start=0.6, balanced=0.6 + g) for n, g in enumerate(gains)]
    assert mean_error(rows) == pytest.approx(np.mean(expected))
