"""Convolutional networks: published shapes, and the smallest valid images."""

import keras
import numpy as np
import pytest

from tl_keras import CNN, InputError
from tl_keras.models.baselines.cnn import ARCHITECTURES


def build(architecture, side, num_classes=10):
    model = CNN(num_classes, architecture=architecture)
    model.build((None, side, side, 1))
    return model


def test_lenet_on_28_pixels_has_the_44426_weights_of_the_book():
    assert build("lenet", 28).count_params() == 44_426


def test_dropout_form_has_channels_64_128_and_dense_1024_512():
    model = build("dropout", 8)
    kernels = [w.shape for w in model.weights if w.name == "kernel"]
    assert kernels == [(3, 3, 1, 64), (3, 3, 64, 128), (512, 1024), (1024, 512), (512, 10)]
    rates = [layer.rate for layer in model.body if isinstance(layer, keras.layers.Dropout)]
    assert rates == [0.25, 0.5]


@pytest.mark.parametrize(("architecture", "smallest"), zip(ARCHITECTURES, (16, 4, 4), strict=True))
def test_the_smallest_side_works_and_one_pixel_less_is_refused(architecture, smallest):
    model = build(architecture, smallest)
    assert model(np.zeros((1, smallest, smallest), "uint8")).shape == (1, 10)
    with pytest.raises(InputError, match=f"at least {smallest} x {smallest} pixels"):
        build(architecture, smallest - 1)


def test_frozen_convolutions_do_not_change_while_the_rest_learns():
    model = build("small", 8, num_classes=2)
    for layer in model.convolutions:
        layer.trainable = False
    before = [layer.get_weights() for layer in model.convolutions]
    dense = model.get_layer("dense_1").get_weights()[0]
    model.compile("adam", "sparse_categorical_crossentropy")
    images = np.random.default_rng(0).integers(0, 256, (8, 8, 8), dtype=np.uint8)
    model.fit(images, np.arange(8) % 2, verbose=0)
    assert len(before) == 2
    for (kernel, bias), layer in zip(before, model.convolutions, strict=True):
        np.testing.assert_array_equal(layer.kernel, kernel)
        np.testing.assert_array_equal(layer.bias, bias)
    assert not np.array_equal(model.get_layer("dense_1").get_weights()[0], dense)
