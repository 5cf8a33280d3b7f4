"""Encoders and decoders shared by the label-free models."""

import keras
import numpy as np
import pytest

from tests.models.images import blobs
from tl_keras.checks import InputError
from tl_keras.models.latent.image_networks import (
    build_decoder,
    build_encoder,
    chain_on_rgb,
    check_image_shape,
)


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


@pytest.mark.parametrize("shape", [(28,), (8, 8, 2), (8, 0, 1), (8.0, 8), "28x28", 28])
def test_other_image_shapes_are_refused(shape):
    with pytest.raises(InputError, match="Expected input_shape"):
        check_image_shape(shape)


@pytest.mark.parametrize("shape", [(8, 6), [8, 6, 1], (np.int64(8), np.int64(6))])
def test_image_shapes_become_plain_ints_with_channels(shape):
    checked = check_image_shape(shape)
    assert checked == (8, 6, 1) and {type(size) for size in checked} == {int}


def test_a_grey_encoder_on_rgb_gives_what_it_gives_on_grey():
    encoder = build_encoder((8, 8, 1), "conv", hidden_units=(5,), filters=(4,))
    images = blobs(6)[..., None]
    expected = encoder(images).numpy()
    for is_row in (True, False):
        coloured = chain_on_rgb(encoder, is_row=is_row)
        assert coloured.input_shape == (None, 8, 8, 3)
        np.testing.assert_allclose(coloured(np.repeat(images, 3, -1)), expected, atol=1e-4)
        assert {id(w) for w in coloured.weights} == {id(w) for w in encoder.weights}
        assert any(isinstance(layer, keras.Model) for layer in coloured.layers) is not is_row


def test_an_encoder_of_colour_is_left_as_it_is():
    encoder = build_encoder((8, 8, 3), "dense", hidden_units=(5,))
    assert chain_on_rgb(encoder, is_row=True) is encoder
