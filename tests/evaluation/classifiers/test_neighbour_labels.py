import numpy as np
import pytest

from tl_keras.evaluation.classifiers.neighbour_labels import (
    neighbour_probabilities,
    with_neighbours,
)
from tl_keras.evaluation.encoders.feature_space import directions, find_neighbours


def test_shares_are_those_of_a_slow_version_without_the_image_itself_and_its_copies():
    random = np.random.default_rng(0)
    features = random.normal(size=(12, 5)).astype(np.float32)
    labels, groups = random.integers(0, 3, 12), np.arange(12)
    groups[[3, 7]] = 3
    found = find_neighbours(directions(features), k=11)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    for row, given in enumerate(neighbour_probabilities(found, labels, 3, groups)):
        votes = np.zeros(3)
        for other in range(12):
            if other != row and groups[other] != groups[row]:
                votes[labels[other]] += np.exp(unit[row] @ unit[other] / 0.07)
        np.testing.assert_allclose(given, 0.9 * votes / votes.sum() + 0.1 / 3, atol=1e-4)


def test_an_image_with_copies_alone_near_it_has_no_votes():
    found = find_neighbours(directions(np.eye(3, dtype=np.float32)), k=2)
    assert np.isnan(neighbour_probabilities(found, np.array([0, 1, 1]), 2, np.zeros(3))).all()


def test_the_mean_of_both_and_one_where_the_other_is_missing():
    p = np.array([[0.9, 0.1], [np.nan, np.nan], [0.5, 0.5]])
    near = np.array([[0.4, 0.6], [0.2, 0.8], [np.nan, np.nan]])
    mixed = with_neighbours(p, near)
    assert mixed[0] == pytest.approx([0.75, 0.25])
    np.testing.assert_array_equal(mixed[1:], [near[1], p[2]])
