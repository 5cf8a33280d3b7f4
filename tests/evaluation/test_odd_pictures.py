"""Scores of odd pictures."""

import numpy as np
import pytest

from tl_keras import VAE, Autoencoder
from tl_keras.checks import InputError
from tl_keras.evaluation.odd_pictures import odd_scores

PICTURES = np.random.default_rng(0).integers(0, 256, (5, 4, 4, 1), np.uint8)


def vae():
    return VAE((4, 4), 2, hidden_units=(3,), likelihood="bernoulli", seed=0)


def test_reconstruction_score_equals_a_plain_computation():
    model = Autoencoder((4, 4), 2, hidden_units=(3,))
    given_back = np.asarray(model(PICTURES), np.float64)
    expected = np.square((given_back - PICTURES) / 255).mean((1, 2, 3))
    np.testing.assert_allclose(odd_scores(model, PICTURES), expected, rtol=1e-4)


def test_vae_is_scored_by_its_bound_unless_asked():
    model = vae()
    by_bound = odd_scores(model, PICTURES, k=4)
    np.testing.assert_allclose(by_bound, odd_scores(model, PICTURES, score="bound", k=4))
    np.testing.assert_allclose(by_bound, -model.log_likelihood(PICTURES, 4), rtol=1e-6)
    assert (by_bound != odd_scores(model, PICTURES, score="reconstruction")).all()


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
