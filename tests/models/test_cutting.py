"""The two parts of a cut model are together the model."""

import numpy as np

from tests.training.small_models import coloured_images, small_classifier
from tl_keras import freeze, unfreeze
from tl_keras.models.cutting import cut_at_frozen


def composed(cut, images):
    return np.asarray(cut.suffix(cut.prefix(images, training=False), training=False))


def test_prefix_then_suffix_equals_the_model():
    images = coloured_images()[0].astype("float32")
    for change in (freeze, lambda m: unfreeze(m, from_layer="high_conv")):
        model = change(small_classifier())
        expected = np.asarray(model(images, training=False))
        np.testing.assert_allclose(composed(cut_at_frozen(model), images), expected, atol=1e-6)


def test_a_residual_connection_makes_two_tensors_cross():
    model = unfreeze(small_classifier(), from_layer="high_bn", batch_norm="train")
    cut = cut_at_frozen(model)
    assert len(cut.prefix.outputs) == 2
    images = coloured_images()[0].astype("float32")
    expected = np.asarray(model(images, training=False))
    np.testing.assert_allclose(composed(cut, images), expected, atol=1e-6)


def test_frozen_dropout_is_below_the_cut_and_the_heads_dropout_above():
    cut = cut_at_frozen(freeze(small_classifier(head="linear")))
    random_below = [lay for lay in cut.prefix.layers if "dropout" in lay.name]
    random_above = [lay for lay in cut.suffix.layers if "dropout" in lay.name]
    assert len(random_below) == 2
    assert len(random_above) == 1


def test_pooling_without_weights_is_cached_too():
    cut = cut_at_frozen(freeze(small_classifier()))
    assert [tuple(t.shape) for t in cut.prefix.outputs] == [(None, 6)]


def test_nothing_frozen_means_no_prefix():
    cut = cut_at_frozen(unfreeze(small_classifier(), all=True, batch_norm="train"))
    assert cut.prefix is None
    assert cut.suffix.input_shape == (None, 16, 16, 3)


def test_suffix_shares_the_variables_of_the_model():
    model = freeze(small_classifier())
    cut = cut_at_frozen(model)
    assert {id(v) for v in cut.suffix.trainable_weights} == {id(v) for v in model.trainable_weights}
