"""The Fréchet distance against closed forms and a plain matrix square root."""

import numpy as np
import pytest
import scipy.linalg

from tl_keras import InputError
from tl_keras.evaluation.samples.frechet import frechet_distance

RNG = np.random.default_rng(0)


def with_moments(mean, covariance, count=50):
    """Rows whose sample mean and covariance are exactly these."""
    x = RNG.normal(size=(count, len(mean)))
    x -= x.mean(0)
    white = x @ np.linalg.inv(np.linalg.cholesky(np.cov(x, rowvar=False))).T
    return white @ np.linalg.cholesky(covariance).T + mean


def test_diagonal_gaussians_have_the_closed_form():
    a = with_moments([1.0, 2.0, 3.0], np.diag([1.0, 4.0, 9.0]))
    b = with_moments([0.0, 2.0, 5.0], np.diag([4.0, 4.0, 1.0]))
    expected = (1 + 0 + 4) + (1 - 2) ** 2 + (2 - 2) ** 2 + (3 - 1) ** 2
    np.testing.assert_allclose(frechet_distance(a, b), expected, rtol=1e-9)
    np.testing.assert_allclose(frechet_distance(b, a), expected, rtol=1e-9)


def test_correlated_gaussians_equal_the_plain_formula():
    a, b = (RNG.normal(size=(60, 5)) @ RNG.normal(size=(5, 5)) for _ in range(2))
    s, t = (np.cov(x, rowvar=False) for x in (a, b))
    cross = np.trace(scipy.linalg.sqrtm(s @ t)).real
    gap = ((a.mean(0) - b.mean(0)) ** 2).sum()
    expected = gap + np.trace(s) + np.trace(t) - 2 * cross
    np.testing.assert_allclose(frechet_distance(a, b), expected, rtol=1e-8)


def test_the_same_set_is_at_zero_even_with_dead_and_repeated_features():
    x = RNG.normal(size=(20, 3))
    singular = np.hstack([x, x, np.zeros((20, 4))])  # rank 3 of 10
    assert frechet_distance(singular, singular) < 1e-6
    np.testing.assert_allclose(frechet_distance(singular, singular + 2), 40, rtol=1e-6)


def test_one_feature_and_fewer_rows_than_features_work():
    np.testing.assert_allclose(frechet_distance([[0.0], [2.0]], [[3.0], [5.0]]), 9, rtol=1e-9)
    assert np.isfinite(frechet_distance(RNG.normal(size=(4, 30)), RNG.normal(size=(5, 30))))


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (np.zeros((1, 3)), np.zeros((5, 3)), "at least 2"),
        (np.zeros((5, 2)), np.zeros((5, 3)), r"\(5, 2\) and \(5, 3\)"),
        (np.full((5, 3), np.nan), np.zeros((5, 3)), "finite features"),
    ],
)
def test_features_that_cannot_be_compared_are_refused(a, b, message):
    with pytest.raises(InputError, match=message):
        frechet_distance(a, b)
