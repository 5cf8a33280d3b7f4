"""Layers that train after freeze and unfreeze; BatchNormalization holds still."""

import numpy as np
import pytest

from tests.training.small_models import coloured_images, small_classifier
from tl_keras import InputError, build_classifier, freeze, unfreeze
from tl_keras.models.backbones.backbone import get_backbone
from tl_keras.training.frozen.freezing import apply_unfreeze, half_way_layer


def trainable_names(model):
    return {v.path.rsplit("/", 2)[-2] for v in get_backbone(model).trainable_weights}


def test_freeze_leaves_only_the_head_trainable():
    model = freeze(small_classifier())
    assert get_backbone(model).trainable_weights == []
    assert len(model.trainable_weights) == 4


def test_unfreeze_last_counts_layers_from_the_output():
    model = unfreeze(small_classifier(), last=5)
    assert trainable_names(model) == {"high_conv"}


def test_unfreeze_from_layer_trains_that_layer_and_all_above():
    model = unfreeze(small_classifier(), from_layer="low_relu")
    assert trainable_names(model) == {"high_conv"}


def test_unfreeze_all_trains_every_convolution_but_no_batch_norm():
    assert trainable_names(unfreeze(small_classifier(), all=True)) == {
        "stem",
        "low_conv",
        "high_conv",
    }


def test_batch_norm_trains_when_asked():
    model = unfreeze(small_classifier(), all=True, batch_norm="train")
    assert {"low_bn", "high_bn"} < trainable_names(model)


def test_moving_statistics_and_frozen_weights_are_bit_identical_after_fit():
    model = unfreeze(small_classifier(), from_layer="high_conv")
    backbone = get_backbone(model)
    still = ["stem", "low_conv", "low_bn", "high_bn"]
    before = [backbone.get_layer(name).get_weights() for name in still]
    moving = backbone.get_layer("high_conv").get_weights()[0]
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(*coloured_images(), epochs=2, verbose=0)
    for name, weights in zip(still, before, strict=True):
        for old, new in zip(weights, backbone.get_layer(name).get_weights(), strict=True):
            np.testing.assert_array_equal(old, new, err_msg=name)
    assert not np.array_equal(moving, backbone.get_layer("high_conv").get_weights()[0])


@pytest.mark.parametrize("arguments", [{}, {"last": 2, "all": True}])
def test_unfreeze_wants_exactly_one_way(arguments):
    with pytest.raises(InputError, match="exactly one of last=, from_layer= or all=True; received"):
        unfreeze(small_classifier(), **arguments)


def test_unfreeze_names_the_nearest_layer():
    with pytest.raises(InputError, match="one of high_conv.*received from_layer='high_con'"):
        unfreeze(small_classifier(), from_layer="high_con")


def test_unfreeze_refuses_more_layers_than_there_are():
    with pytest.raises(InputError, match="last to be an integer >= 0 and <= 13; received last=99"):
        unfreeze(small_classifier(), last=99)


def test_half_is_cut_where_one_small_tensor_crosses():
    model = build_classifier("mobilenet_v2", 2, image_size=32, weights="random")
    layer = half_way_layer(get_backbone(model))
    # A bottleneck of 64 maps crosses here; inside a block it would be 384.
    assert layer.startswith("block_") and layer.endswith("_expand")
    apply_unfreeze(model, "half")
    share = np.mean([bool(lay.trainable) for lay in get_backbone(model).layers])
    assert 0 < share < 0.6


@pytest.mark.parametrize("setting", ["some", "last:", "last:0", "last:-1", "from:", "last:x"])
def test_unknown_unfreeze_settings_are_refused(setting):
    with pytest.raises(InputError, match="Expected unfreeze to be 'half', 'all', 'none'"):
        apply_unfreeze(small_classifier(), setting)
