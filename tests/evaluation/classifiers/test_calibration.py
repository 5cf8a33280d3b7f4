"""Calibration against closed forms and a slow plain version."""

import numpy as np
import pytest

from tl_keras.checks import InputError
from tl_keras.evaluation.classifiers.calibration import (
    calibration_error_by_chance,
    expected_calibration_error,
    reliability_bins,
)


def two_classes(confidences, correct):
    """Probabilities with these largest values; label 0 where the answer is right."""
    first = np.asarray(confidences, float)
    return np.stack([first, 1 - first], axis=1), np.where(correct, 0, 1)


def test_perfectly_calibrated_answers_have_no_error():
    probabilities, labels = two_classes([0.8] * 10 + [0.6] * 5, [1] * 8 + [0] * 2 + [1, 1, 1, 0, 0])
    assert expected_calibration_error(probabilities, labels) == pytest.approx(0, abs=1e-12)


def test_certain_answers_that_are_right_in_three_of_four_cases_have_error_one_quarter():
    probabilities, labels = two_classes([1.0] * 4, [1, 1, 1, 0])
    assert expected_calibration_error(probabilities, labels) == pytest.approx(0.25)


def test_gaps_of_opposite_sign_do_not_cancel_between_bins():
    probabilities, labels = two_classes(
        [0.9] * 10 + [0.6] * 10, [1] * 7 + [0] * 3 + [1] * 8 + [0] * 2
    )
    assert expected_calibration_error(probabilities, labels) == pytest.approx(0.2)


@pytest.mark.parametrize("bins", [1, 5, 15])
def test_error_equals_a_slow_plain_version(bins):
    rng = np.random.default_rng(3)
    probabilities, labels = rng.dirichlet(np.ones(5), 200), rng.integers(0, 5, 200)
    total = 0.0
    for m in range(bins):
        inside = [i for i in range(200) if m / bins < max(probabilities[i]) <= (m + 1) / bins]
        if inside:
            right = sum(np.argmax(probabilities[i]) == labels[i] for i in inside) / len(inside)
            sure = sum(max(probabilities[i]) for i in inside) / len(inside)
            total += len(inside) / 200 * abs(right - sure)
    assert expected_calibration_error(probabilities, labels, bins) == pytest.approx(total)


@pytest.mark.parametrize("size", [1, 30, 1000])
def test_the_error_by_chance_is_that_of_labels_drawn_from_the_probabilities(size):
    rng = np.random.default_rng(5)
    probabilities = rng.dirichlet([0.3, 0.3, 0.3], size)
    sums = probabilities.cumsum(axis=1)
    errors = []
    for _ in range(2000 if size < 1000 else 200):
        labels = (rng.random((size, 1)) > sums).sum(axis=1)
        errors.append(expected_calibration_error(probabilities, np.minimum(labels, 2)))
    expected = calibration_error_by_chance(reliability_bins(probabilities, labels))
    assert expected == pytest.approx(np.mean(errors), rel=0.05)


def test_certain_answers_leave_nothing_to_chance():
    bins = reliability_bins(*two_classes([1.0] * 4, [1, 1, 1, 0]))
    assert calibration_error_by_chance(bins) == 0


def test_one_bin_gives_the_difference_of_mean_confidence_and_accuracy():
    probabilities, labels = two_classes([0.9, 0.7, 0.8], [1, 0, 1])
    error = expected_calibration_error(probabilities, labels, bins=1)
    assert error == pytest.approx(0.8 - 2 / 3)


def test_bins_hold_every_answer_once_and_empty_ones_hold_none():
    probabilities, labels = two_classes([1.0, 0.95, 0.55, 1.0000001], [1, 0, 1, 1])
    bins = reliability_bins(probabilities, labels, bins=10)
    assert [b["count"] for b in bins] == [0, 0, 0, 0, 0, 1, 0, 0, 0, 3]
    assert bins[0] == {"low": 0.0, "high": 0.1, "confidence": None, "accuracy": None, "count": 0}
    assert bins[9]["accuracy"] == pytest.approx(2 / 3)
    assert bins[5]["confidence"] == pytest.approx(0.55)


def test_a_confidence_on_an_edge_belongs_to_the_lower_bin():
    probabilities, labels = two_classes([0.5], [1])
    bins = reliability_bins(probabilities, labels, bins=2)
    assert [b["count"] for b in bins] == [1, 0]


def test_no_bins_are_refused():
    with pytest.raises(InputError, match="Expected bins to be an integer >= 1"):
        reliability_bins([[1.0, 0.0]], [0], bins=0)
