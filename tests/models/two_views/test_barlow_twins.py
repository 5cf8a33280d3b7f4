"""The loss of Barlow Twins against slow loops and closed forms."""

import numpy as np
import pytest

from tests.models.two_views.two_view_models import small_model
from tl_keras import BarlowTwins
from tl_keras.checks import InputError
from tl_keras.models.two_views.barlow_twins import barlow_loss, cross_correlation

RNG = np.random.default_rng(1)
FIRST, SECOND = np.float32(RNG.normal(size=(2, 9, 4)) * [0.2, 0.9, 1.5, 3.0] + 2)
FIRST[:, 1] += FIRST[:, 2]
WHITE = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]], np.float32)


def loss(first, second, weight=0.005):
    return float(barlow_loss(cross_correlation(first, second), weight))


def test_correlations_and_loss_equal_slow_loops():
    expected = 0.0
    for i in range(4):
        for j in range(4):
            a, b = FIRST[:, i].tolist(), SECOND[:, j].tolist()
            means = sum(a) / 9, sum(b) / 9
            both = sum((x - means[0]) * (y - means[1]) for x, y in zip(a, b, strict=True))
            lengths = (sum((x - m) ** 2 for x in v) for v, m in zip((a, b), means, strict=True))
            c = both / np.sqrt(np.prod(list(lengths)))
            np.testing.assert_allclose(cross_correlation(FIRST, SECOND)[i, j], c, atol=1e-3)
            expected += (1 - c) ** 2 if i == j else 0.3 * c**2
    np.testing.assert_allclose(loss(FIRST, SECOND, 0.3), expected / 4, rtol=1e-3)


def test_closed_forms():
    np.testing.assert_allclose(loss(WHITE, WHITE), 0, atol=1e-6)  # equal and white
    np.testing.assert_allclose(loss(WHITE, 3 * WHITE + 7), 0, atol=1e-6)  # in any scale
    np.testing.assert_allclose(loss(WHITE, -WHITE), 4, rtol=1e-4)  # (1 - -1)^2
    np.testing.assert_allclose(loss(WHITE[:, :1], WHITE[:, 1:]), 1, rtol=1e-4)  # uncorrelated
    same = np.repeat(WHITE[:, :1], 3, axis=1)  # all dimensions equal: 6 of 9 entries are 1
    np.testing.assert_allclose(loss(same, same, 0.5), 0.5 * 6 / 3, rtol=1e-4)
    np.testing.assert_allclose(loss(np.ones((4, 2), np.float32), WHITE), 1, atol=1e-6)  # collapsed


def test_the_loss_is_symmetric_and_weighted_in_the_model():
    model = small_model(BarlowTwins, redundancy_weight=0.3)
    there, back = (
        model.losses_between(*pair, None, True)["loss"]
        for pair in ((FIRST, SECOND), (SECOND, FIRST))
    )
    np.testing.assert_allclose(there, back, rtol=1e-5)
    np.testing.assert_allclose(there, loss(FIRST, SECOND, 0.3), rtol=1e-5)
    assert model.get_config()["redundancy_weight"] == 0.3


def test_a_negative_weight_is_refused():
    with pytest.raises(InputError, match="redundancy_weight to be a number >= 0"):
        small_model(BarlowTwins, redundancy_weight=-1)
