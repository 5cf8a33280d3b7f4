"""The residual network for small images."""

import keras
import numpy as np
import pytest

from tests.check_model import check_model
from tl_keras import build_backbone, build_classifier, build_small_resnet
from tl_keras.checks import InputError

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 16, 16, 3), dtype=np.uint8)


def test_a_classifier_on_it_learns_saves_and_goes_on():
    def build():
        return build_classifier(build_small_resnet(16, width=2), 3, head="gap", hidden_units=4)

    how = {"loss": "sparse_categorical_crossentropy", "optimizer": "sgd", "run_eagerly": True}
    check_model(build, IMAGES, np.arange(6) % 3, compile_args=how, probabilities=True)


@pytest.mark.parametrize(
    ("image_size", "side"), [(28, 2), (32, 2), ((64, 96), (2, 3)), (48, 3), (16, 1)]
)
def test_the_last_features_are_small_whatever_the_image(image_size, side):
    model = build_small_resnet(image_size, width=4)
    assert model.output_shape == (None, 32)
    sides = model.get_layer("block_4_out").output.shape[1:3]
    assert sides == (side if isinstance(side, tuple) else (side, side))


def test_an_image_costs_16_million_multiplications():
    model = build_small_resnet(32)
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    cost = sum(
        np.prod(layer.output.shape[1:3]) * np.prod(layer.kernel.shape) for layer in convolutions
    )
    assert 15e6 < cost < 17e6
    assert all(layer.groups == 1 for layer in convolutions)
    norms = [n for n in model.layers if isinstance(n, keras.layers.BatchNormalization)]
    assert norms and all(layer.synchronized for layer in norms)


def test_it_is_a_backbone_of_pixels_0_to_255(tmp_path):
    model = build_small_resnet(16, width=2)
    model.save(tmp_path / "encoder.keras")
    loaded = build_backbone(tmp_path / "encoder.keras")
    np.testing.assert_allclose(loaded(IMAGES), model(IMAGES), atol=1e-5)
    scaled = keras.Model(model.input, model.get_layer("scaled").output)(IMAGES)
    np.testing.assert_allclose(scaled, IMAGES / 127.5 - 1, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image_size": 8}, "image_size to be an integer >= 16; received image_size=8"),
        ({"image_size": (32,)}, "image_size to be .height, width"),
        ({"image_size": 32, "width": 0}, "width to be an integer >= 1"),
    ],
)
def test_sizes_that_cannot_be_used_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        build_small_resnet(**arguments)
