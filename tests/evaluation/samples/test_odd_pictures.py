"""Scores of odd pictures."""

import numpy as np
import pytest

from tl_keras import VAE, Autoencoder
from tl_keras.checks import InputError
from tl_keras.evaluation.samples.odd_pictures import contour, odd_scores

PICTURES = np.random.default_rng(0).integers(0, 256, (5, 4, 4, 1), np.uint8)


def vae():
    return VAE((4, 4), 2, hidden_units=(3,), likelihood="bernoulli", seed=0)


def test_scores_equal_a_plain_computation():
    model = Autoencoder((4, 4), 2, hidden_units=(3,))
    given_back = np.asarray(model(PICTURES), np.float64)
    errors = np.square((given_back - PICTURES) / 255).mean((1, 2, 3))
    np.testing.assert_allclose(odd_scores(model, PICTURES, score="reconstruction"), errors, 1e-4)
    lengths = np.zeros(5)
    for n, picture in enumerate(PICTURES[..., 0] / 255):
        for row in range(4):
            for column in range(4):
                if row < 3:
                    lengths[n] += abs(picture[row, column] - picture[row + 1, column]) / 16
                if column < 3:
                    lengths[n] += abs(picture[row, column] - picture[row, column + 1]) / 16
    np.testing.assert_allclose(contour(PICTURES), lengths, rtol=1e-5)
    for score in ("relative", "auto"):
        scores = odd_scores(model, PICTURES, score=score)
        np.testing.assert_allclose(scores, errors / (lengths + 0.01), rtol=1e-4)


def test_a_blank_picture_has_a_score():
    model = Autoencoder((4, 4), 2, hidden_units=(3,))
    assert np.isfinite(odd_scores(model, np.zeros((2, 4, 4, 1), np.uint8))).all()


def test_bound_is_that_of_the_vae():
    model = vae()
    scores = odd_scores(model, PICTURES, score="bound", k=4)
    np.testing.assert_allclose(scores, -model.log_likelihood(PICTURES, 4), rtol=1e-6)


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
        odd_scores(model(), PICTURES, **settings)
