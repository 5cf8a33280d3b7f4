"""Closed forms of leave-one-out against explicit leave-one-out."""

import numpy as np
import pytest

from tl_keras.evaluation.encoders.leave_one_out import (
    knn_left_out,
    left_out_answers,
    ridge_left_out,
)
from tl_keras.evaluation.encoders.probes import unit_rows, vote

RANDOM = np.random.default_rng(0)
LABELS = np.arange(24) % 3
FEATURES = RANDOM.normal(0, 1, (24, 5)) + np.eye(3, 5)[LABELS] * 1.5


def slow_ridge(x, targets, penalty):
    """min |t - w x - b|^2 + penalty |w|^2 by its normal equations."""
    padded = np.column_stack([x, np.ones(len(x))])
    bound = penalty * np.eye(padded.shape[1])
    bound[-1, -1] = 0
    return np.linalg.solve(padded.T @ padded + bound, padded.T @ targets)


@pytest.mark.parametrize("penalty", [1e-2, 1.0])
@pytest.mark.parametrize("features", [FEATURES, RANDOM.normal(size=(24, 40))])
def test_answers_equal_those_of_fits_without_the_row(features, penalty):
    targets = np.eye(3)[LABELS]
    (answers,) = left_out_answers(features, targets, [penalty])
    x = (features - features.mean(0)) / features.std(0)
    for row in range(24):
        others = np.delete(np.arange(24), row)
        weights = slow_ridge(x[others], targets[others], penalty * 24)
        np.testing.assert_allclose(answers[row], [*x[row], 1] @ weights, rtol=1e-6, atol=1e-8)


def test_ridge_takes_the_penalty_with_the_smallest_error_on_rows_left_out():
    assert ridge_left_out(FEATURES, LABELS) > 0.6
    assert ridge_left_out(np.eye(3)[LABELS], LABELS + 7) == 1.0
    noise = RANDOM.normal(size=(300, 40))
    assert ridge_left_out(noise, np.arange(300) % 2) < 0.6


def test_a_number_that_is_constant_changes_nothing():
    more = np.column_stack([FEATURES, np.full(24, 3.0)])
    assert ridge_left_out(more, LABELS) == ridge_left_out(FEATURES, LABELS)


@pytest.mark.parametrize("k", [1, 4, 100])
def test_neighbours_of_a_row_are_the_others(k):
    expected = []
    for row in range(24):
        others = np.delete(np.arange(24), row)
        rows = unit_rows(FEATURES)
        how = {"k": min(k, 23), "temperature": 0.07}
        expected += list(vote(rows[others], LABELS[others], rows[[row]], **how))
    assert knn_left_out(FEATURES, LABELS, k=k) == np.mean(np.array(expected) == LABELS)


def test_neighbours_of_a_row_are_those_outside_its_group():
    groups, rows, expected = np.arange(24) // 4 * 4, unit_rows(FEATURES), []
    for row in range(24):
        others = np.flatnonzero(groups != groups[row])
        expected += list(vote(rows[others], LABELS[others], rows[[row]], k=3, temperature=0.07))
    found = knn_left_out(FEATURES, LABELS, k=3, groups=groups)
    assert found == np.mean(np.array(expected) == LABELS)
    assert found != knn_left_out(FEATURES, LABELS, k=3)
    assert np.isnan(knn_left_out(FEATURES, LABELS, groups=np.zeros(24)))
