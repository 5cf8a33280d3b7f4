"""Outlier scores of images."""

import numpy as np
import pytest

from tl_keras import VAE, Autoencoder
from tl_keras.checks import InputError
from tl_keras.evaluation.samples.outliers import contour, outlier_scores

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 4, 4, 1), np.uint8)


def vae():
    return VAE((4, 4), 2, hidden_units=(3,), likelihood="bernoulli", seed=0)


def test_scores_equal_a_plain_computation():
    model = Autoencoder((4, 4), 2, hidden_units=(3,))
    given_back = np.asarray(model(IMAGES), np.float64)
    errors = np.square((given_back - IMAGES) / 255).mean((1, 2, 3))
    np.testing.assert_allclose(outlier_scores(model, IMAGES, score="reconstruction"), errors, 1e-4)
    lengths = np.zeros(5)
    for n, image in enumerate(IMAGES[..., 0] / 255):
        for row in range(4):
            for column in range(4):
                if row < 3:
                    lengths[n] += abs(image[row, column] - image[row + 1, column]) / 16
                if column < 3:
                    lengths[n] += abs(image[row, column] - image[row, column + 1]) / 16
    np.testing.assert_allclose(contour(IMAGES), lengths, rtol=1e-5)
    for score in ("relative", "auto"):
        scores = outlier_scores(model, IMAGES, score=score)
        np.testing.assert_allclose(scores, errors / (lengths + 0.01), rtol=1e-4)


def test_a_blank_image_has_a_score():
    model = Autoencoder((4, 4), 2, hidden_units=(3,))
    assert np.isfinite(outlier_scores(model, np.zeros((2, 4, 4, 1), np.uint8))).all()


def test_bound_is_that_of_the_vae():
    model = vae()
    scores = outlier_scores(model, IMAGES, score="bound", k=4)
    np.testing.assert_allclose(scores, -model.log_likelihood(IMAGES, 4), rtol=1e-6)


@pytest.mark.parametrize(
    ("model", "settings", "message"),
    [
        (vae, {"score": "both"}, "Expected score to be one of"),
        (vae, {"k": 0}, "Expected k to be an integer >= 1"),
        (lambda: Autoencoder((4, 4), 2), {"score": "bound"}, "Expected a VAE for score='bound'"),
        (object, {}, "Expected an autoencoder or a VAE"),
    ],
)
def test_what_cannot_be_scored_is_refused(model, settings, message):
    with pytest.raises(InputError, match=message):
        outlier_scores(model(), IMAGES, **settings)
