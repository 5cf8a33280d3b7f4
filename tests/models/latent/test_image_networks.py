"""Encoders and decoders shared by the label-free models."""

import numpy as np
import pytest

from tests.models.images import blobs
from tl_keras.checks import InputError
from tl_keras.models.latent.image_networks import build_decoder, build_encoder


def test_dense_encoder_and_decoder_equal_numpy():
    encoder = build_encoder((4, 4, 1), "dense", hidden_units=(6,), activation="tanh")
    decoder = build_decoder(3, (4, 4, 1), "dense", hidden_units=(6,), activation="tanh")
    images, z = blobs(5, 4)[..., None], np.ones((5, 3), "float32")
    w, b = encoder.get_weights()
    expected = np.tanh(images.reshape(5, 16) / 255 @ w + b)
    np.testing.assert_allclose(encoder(images), expected, atol=1e-5)
    w1, b1, w2, b2 = decoder.get_weights()
    expected = (np.tanh(z @ w1 + b1) @ w2 + b2).reshape(5, 4, 4, 1)
    np.testing.assert_allclose(decoder(z), expected, atol=1e-5)


@pytest.mark.parametrize(("shape", "filters"), [((12, 8, 3), (4, 6)), ((16, 16, 1), (4, 5, 6))])
def test_conv_decoder_gives_back_the_shape_that_the_encoder_took(shape, filters):
    encoder = build_encoder(shape, "conv", hidden_units=(), filters=filters)
    halved = [layer.output.shape[1:3] for layer in encoder.layers if "conv" in layer.name]
    factor = 2 ** len(filters)
    assert halved[-1] == (shape[0] // factor, shape[1] // factor)
    decoder = build_decoder(7, shape, "conv", hidden_units=(), filters=filters[::-1])
    assert decoder.output_shape == (None, *shape)


def test_sides_that_cannot_be_halved_are_refused():
    with pytest.raises(InputError, match="sides 8 divides.*received 28 x 28.*fewer filters"):
        build_encoder((28, 28, 1), "conv", hidden_units=(), filters=(8, 8, 8))
    with pytest.raises(InputError, match="sides 4 divides.*received 8 x 6"):
        build_decoder(2, (8, 6, 1), "conv", hidden_units=(), filters=(8, 8))
