"""The baselines of an autoencoder."""

import numpy as np
import pytest

from tl_keras.checks import InputError
from tl_keras.evaluation.samples.reconstruction import mean_image_error, pca_error

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (40, 4, 4, 1), np.uint8)


def test_error_falls_with_each_component_to_none():
    errors = [pca_error(IMAGES, IMAGES, components) for components in (1, 8, 16)]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 1e-9
    assert pca_error(IMAGES, IMAGES, 100) < 1e-9  # no more than there are pixels


def test_error_equals_a_plain_computation():
    x = IMAGES.reshape(40, -1) / 255
    centred = x - x.mean(0)
    directions = np.linalg.svd(centred, full_matrices=False)[2][:3]
    expected = np.mean(np.square(centred - centred @ directions.T @ directions))
    assert pca_error(IMAGES, IMAGES, 3) == pytest.approx(expected, rel=1e-4)


def test_error_of_the_mean_image_is_the_variance_of_the_pixels():
    expected = (IMAGES / 255).var(axis=0).mean()
    assert mean_image_error(IMAGES, IMAGES) == pytest.approx(expected, rel=1e-5)


def test_number_of_components_is_checked():
    with pytest.raises(InputError, match="Expected components to be an integer >= 1"):
        pca_error(IMAGES, IMAGES, 0)
