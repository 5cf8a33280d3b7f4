"""Features of mean 0 and variance 1."""

import keras
import numpy as np
import pytest

from tl_keras.models.backbones.standardised import standardise
from tl_keras.models.saving.saved_models import load_model

IMAGES = np.random.default_rng(0).integers(0, 256, (600, 4, 4, 3), np.uint8)


def encoder(spatial):
    image = keras.Input((4, 4, 3), name="image")
    x = keras.layers.Conv2D(3, 3)(image) if spatial else keras.layers.Flatten()(image)
    return keras.Model(image, x if spatial else keras.layers.Dense(3)(x))


@pytest.mark.parametrize("spatial", [False, True])
def test_features_have_mean_0_and_variance_1_also_after_reload(spatial, tmp_path):
    keras.utils.set_random_seed(0)
    standardise(encoder(spatial), IMAGES).save(tmp_path / "e.keras")
    features = np.asarray(load_model(tmp_path / "e.keras")(IMAGES.astype("float32")))
    features = features.reshape(-1, 3)
    np.testing.assert_allclose(features.mean(0), 0, atol=1e-3)
    np.testing.assert_allclose(features.std(0), 1, atol=1e-3)


def test_a_feature_that_hardly_varies_is_not_blown_up():
    plain = encoder(False)
    kernel, bias = plain.layers[-1].get_weights()
    kernel[:, 0] *= 1e-6
    plain.layers[-1].set_weights([kernel, bias])
    features = np.asarray(standardise(plain, IMAGES)(IMAGES.astype("float32")))
    assert features[:, 0].std() < 1e-3


def test_grey_images_are_repeated_in_three_channels():
    gray, plain = IMAGES[..., :1], encoder(False)
    rgb = np.repeat(gray, 3, -1)
    a, b = (np.asarray(standardise(plain, x)(rgb.astype("float32"))) for x in (gray, rgb))
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)
