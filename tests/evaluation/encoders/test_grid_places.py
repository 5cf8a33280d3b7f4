"""Each point has a place of its own, and the places keep the shape."""

import itertools

import numpy as np
import pytest

from tl_keras.checks import InputError
from tl_keras.evaluation.encoders.grid_places import grid_places

RANDOM = np.random.default_rng(0)


def test_no_two_points_share_a_place_even_if_they_are_the_same():
    for points in (RANDOM.normal(size=(70, 2)), np.zeros((9, 2)), RANDOM.normal(size=(1, 2))):
        places, side = grid_places(points)
        assert len({tuple(place) for place in places}) == len(points)
        assert places.min() >= 0 and places.max() < side


def test_sum_of_squared_moves_is_the_least_of_all_assignments():
    points = RANDOM.uniform(size=(4, 2))
    places, side = grid_places(points, room=1)
    assert side == 2
    scaled = (points - points.min(0)) / np.ptp(points, axis=0)
    wanted = np.stack([1 - scaled[:, 1], scaled[:, 0]], 1)
    cells = np.array(list(itertools.product(range(2), repeat=2)))
    least = min(
        np.square(wanted - cells[list(order)]).sum() for order in itertools.permutations(range(4))
    )
    assert np.square(wanted - places).sum() == pytest.approx(least)


def test_right_stays_right_and_up_stays_up():
    corners = np.array([[0, 0], [1, 0], [0, 1], [1, 1]])
    places, side = grid_places(corners, room=4)
    last = side - 1
    assert places.tolist() == [[last, 0], [last, last], [0, 0], [0, last]]


def test_what_are_no_points_is_refused():
    with pytest.raises(InputError, match=r"points \(n, 2\); received shape \(3,\)"):
        grid_places(np.zeros(3))
