"""Codes as points in a plane."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from tl_keras.checks import InputError
from tl_keras.evaluation.encoders.latent_plane import project

CODES = np.random.default_rng(0).normal(size=(60, 5)) * [3, 1, 2, 0.1, 0.1] + 7


def test_two_numbers_are_taken_as_they_are():
    points, words = project(CODES[:, :2])
    np.testing.assert_allclose(points, CODES[:, :2], rtol=1e-6)
    assert words == "the two numbers of the code"


def test_more_numbers_are_projected_as_scikit_learn_does_it():
    points, words = project(CODES)
    pca = PCA(2).fit(CODES)
    np.testing.assert_allclose(np.abs(points), np.abs(pca.transform(CODES)), atol=1e-3)
    assert f"{pca.explained_variance_ratio_.sum():.0%}" in words


def test_one_number_becomes_a_line():
    points, _ = project(CODES[:, :1])
    assert points.shape == (60, 2)
    np.testing.assert_array_equal(points[:, 1], 0)


def test_tsne_keeps_groups_together():
    groups = np.repeat([[0.0] * 4, [50.0] * 4], 30, axis=0) + np.random.default_rng(1).normal(
        size=(60, 4)
    )
    points, _ = project(groups, method="tsne")
    middles = points[:30].mean(0), points[30:].mean(0)
    spread = np.linalg.norm(points[:30] - middles[0], axis=1).max()
    assert np.linalg.norm(middles[0] - middles[1]) > spread


@pytest.mark.parametrize(
    ("codes", "method"),
    [(np.zeros(3), "pca"), (np.zeros((0, 3)), "pca"), (np.zeros((5, 3)), "tsne")],
)
def test_what_is_no_set_of_codes_is_refused(codes, method):
    with pytest.raises(InputError, match=r"Expected codes \(n, d\)"):
        project(codes, method=method)
