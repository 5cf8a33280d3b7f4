"""A control that differs from the encoder only in its weights and is not weakened otherwise."""

import random

import keras
import numpy as np
import pytest

from tl_keras.checks import InputError
from tl_keras.models.backbones.standardised import standardise
from tl_keras.models.backbones.untrained import untrained_copy

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (100, 8, 8, 3), np.uint8)


def encoder(*, frozen=False):
    """With batch normalisation whose statistics and weights are those of a trained network."""
    image = keras.Input((8, 8, 3), name="image")
    x = keras.layers.Normalization(name="pixels")(image)
    for width in (6, 5):
        x = keras.layers.Conv2D(width, 3)(x)
        x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
    model = keras.Model(image, x)
    for variable in model.variables:
        variable.assign(RANDOM.uniform(1, 2, variable.shape))
    model.trainable = not frozen
    return model


def test_weights_are_new_by_the_seed_alone_and_the_encoder_is_unchanged():
    model = encoder()
    before = [w.copy() for w in model.get_weights()]
    state = random.getstate()
    first, again, other = (untrained_copy(model, IMAGES, seed=s) for s in (1, 1, 2))
    assert random.getstate() == state
    for a, b in zip(first.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    kernels = [m.layers[2].get_weights()[0] for m in (model, first, other)]
    assert all((a != b).any() for a, b in zip(kernels, kernels[1:], strict=False))
    for a, b in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)
    assert first.output_shape == model.output_shape


@pytest.mark.parametrize("frozen", [False, True])
def test_statistics_are_the_mean_over_batches_of_its_own_activations(frozen):
    model = encoder(frozen=frozen)
    copy = untrained_copy(model, IMAGES)
    norm = next(x for x in copy.layers if isinstance(x, keras.layers.BatchNormalization))
    seen = np.asarray(keras.Model(copy.input, norm.input)(IMAGES.astype("float32")))
    batches = seen[:64], seen[64:]
    mean = np.mean([b.mean((0, 1, 2)) for b in batches], axis=0)
    variance = np.mean([b.var((0, 1, 2)) for b in batches], axis=0)
    np.testing.assert_allclose(norm.moving_mean.numpy(), mean, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(norm.moving_variance.numpy(), variance, rtol=1e-3)
    assert (norm.momentum, norm.trainable) == (0.99, not frozen)


def test_scaling_of_pixels_stays_and_a_scaling_of_features_is_measured_anew():
    model = encoder()
    copy = untrained_copy(standardise(model, IMAGES), IMAGES)
    for old, new in zip(
        model.get_layer("pixels").get_weights(),
        copy.get_layer("pixels").get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(old, new)
    features = np.asarray(copy(IMAGES.astype("float32"))).reshape(-1, 5)
    np.testing.assert_allclose(features.mean(0), 0, atol=1e-3)
    np.testing.assert_allclose(features.std(0), 1, atol=1e-3)


def test_what_cannot_be_copied_is_refused():
    with pytest.raises(InputError, match="Functional encoder.*received function"):
        untrained_copy(lambda x: x, IMAGES)
    with pytest.raises(InputError, match="received none"):
        untrained_copy(encoder(), IMAGES[:0])
