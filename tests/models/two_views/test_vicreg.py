"""The three terms of VICReg against slow loops."""

import numpy as np
import pytest

from tests.models.two_views.two_view_models import small_model
from tl_keras import VICReg
from tl_keras.checks import InputError
from tl_keras.models.two_views.vicreg import covariance, invariance, variance

RNG = np.random.default_rng(1)
FIRST, SECOND = RNG.normal(size=(2, 9, 4)) * [0.2, 0.9, 1.5, 3.0]
FIRST[:, 1] += FIRST[:, 2]


def test_invariance_is_the_mean_squared_difference():
    expected = sum((a - b) ** 2 for a, b in zip(FIRST.ravel(), SECOND.ravel(), strict=True)) / 36
    np.testing.assert_allclose(invariance(np.float32(FIRST), np.float32(SECOND)), expected, 1e-5)


def test_variance_is_the_lack_of_standard_deviation_below_one():
    lacks = []
    for numbers in FIRST.T:
        mean = sum(numbers) / 9
        lacks.append(max(0, 1 - np.sqrt(sum((n - mean) ** 2 for n in numbers) / 8 + 1e-4)))
    np.testing.assert_allclose(variance(np.float32(FIRST)), sum(lacks) / 4, rtol=1e-5)
    assert lacks[0] > 0.5 and lacks[3] == 0
    same = np.ones((9, 4), np.float32)
    np.testing.assert_allclose(variance(same), 1 - 1e-2, rtol=1e-5)  # sqrt(1e-4) is left


def test_covariance_sums_the_squares_off_the_diagonal():
    expected = 0.0
    means = FIRST.mean(0)
    for i in range(4):
        for j in range(4):
            if i != j:
                both = sum((row[i] - means[i]) * (row[j] - means[j]) for row in FIRST) / 8
                expected += both**2 / 4
    np.testing.assert_allclose(covariance(np.float32(FIRST)), expected, rtol=1e-4)
    crossed = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]], np.float32)
    np.testing.assert_allclose(covariance(crossed), 0, atol=1e-6)


def test_the_loss_weighs_the_three_terms():
    first, second = np.float32(FIRST), np.float32(SECOND)
    weights = {"invariance_weight": 2.0, "variance_weight": 3.0, "covariance_weight": 5.0}
    losses = small_model(VICReg, **weights).losses_between(first, second, None, True)
    expected = (
        2 * invariance(first, second)
        + 3 * (variance(first) + variance(second)) / 2
        + 5 * (covariance(first) + covariance(second))
    )
    np.testing.assert_allclose(losses["loss"], expected, rtol=1e-5)
    other_way = small_model(VICReg, **weights).losses_between(second, first, None, True)
    np.testing.assert_allclose(losses["loss"], other_way["loss"], rtol=1e-5)


def test_a_negative_weight_is_refused():
    with pytest.raises(InputError, match="variance_weight to be a number >= 0"):
        small_model(VICReg, variance_weight=-1)
