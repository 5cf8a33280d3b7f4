"""Image inputs of networks: shapes, and RGB for networks of one channel."""

import keras
import numpy as np
import pytest

from tests.models.images import blobs
from tl_keras.checks import InputError
from tl_keras.models.latent.image_networks import build_encoder
from tl_keras.models.steps.rgb_inputs import chain_on_rgb, check_image_shape


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
