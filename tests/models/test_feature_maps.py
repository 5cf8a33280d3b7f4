"""Cutting classifiers at their last feature map, whatever they are made of."""

import keras
import numpy as np
import pytest

from tests.training.small_models import small_backbone, small_classifier
from tl_keras import CNN, MLP, RNN, InputError
from tl_keras.models.backbones.small_resnet import build_small_resnet
from tl_keras.models.classifier import build_classifier
from tl_keras.models.feature_maps import cut_at_feature_map
from tl_keras.models.heads import HEADS

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3)).astype(np.float32)


def cnn(activation="softmax"):
    model = CNN(3, "small", classifier_activation=activation)
    model.build((None, 16, 16, 3))
    return model


def nested(activation="softmax"):
    """A Sequential model around a Sequential network, and a layer without effect at the end."""
    layers = keras.layers
    network = keras.Sequential([
        keras.Input((16, 16, 3)), layers.Conv2D(4, 3, activation="relu"), layers.MaxPooling2D(),
    ])  # fmt: skip
    head = [layers.Flatten(), layers.Dense(3), layers.Activation(activation), layers.Identity()]
    return keras.Sequential([keras.Input((16, 16, 3)), network, *head])


def with_other_outputs():
    """A classifier whose novelty depends on the features too."""
    model = small_classifier()
    features = model.get_layer("head_pool").output
    novelty = keras.layers.Dense(1, name="novelty")(features)
    answer = keras.layers.Maximum(name="answer")([model.output, model.output])
    outputs = {"novelty": novelty, "probabilities": model.output, "answer": answer}
    return keras.Model(model.input, outputs)


def vectors():
    keras.utils.set_random_seed(0)
    return build_classifier(build_small_resnet(16, width=4), 3)


@pytest.mark.parametrize(
    ("build", "shape"),
    [
        *((lambda head=head: small_classifier(head=head), (8, 8, 6)) for head in HEADS),
        (cnn, (8, 8, 64)),  # before the last pooling
        (nested, (14, 14, 4)),
        (vectors, (8, 8, 4)),  # the last has one position, those before 2 x 2 and 4 x 4
        (with_other_outputs, (8, 8, 6)),
    ],
)
def test_both_parts_together_give_the_logits_of_the_whole(build, shape):
    keras.utils.set_random_seed(1)
    model = build()
    for weight in model.trainable_variables:
        weight.assign_add(keras.random.normal(weight.shape, stddev=0.2))
    parts = cut_at_feature_map(model)
    maps = parts.below(IMAGES, training=False)
    assert maps.shape[1:] == shape
    outputs = model(IMAGES, training=False)
    outputs = outputs["probabilities"] if isinstance(outputs, dict) else outputs
    logits = keras.ops.convert_to_numpy(parts.above(maps, training=False))
    assert abs(np.log(np.exp(logits).sum(axis=1))).min() > 0.01  # no logarithms of probabilities
    np.testing.assert_allclose(keras.ops.softmax(logits), outputs, atol=1e-5)


@pytest.mark.parametrize(
    "build",
    [
        cnn,
        lambda activation: small_classifier(classifier_activation=activation),
        lambda activation: nested(activation or "linear"),
    ],
)
def test_logits_are_taken_as_they_are(build):
    model = build(None)
    parts = cut_at_feature_map(model)
    np.testing.assert_allclose(parts.above(parts.below(IMAGES)), model(IMAGES), atol=1e-5)


def test_padding_makes_no_feature_map_because_it_moves_the_positions():
    layers = keras.layers
    image = keras.Input((12, 12, 3))
    x = layers.ReLU(name="fine")(layers.Conv2D(4, 3, padding="same")(image))
    x = layers.Conv2D(5, 3, strides=4)(layers.ZeroPadding2D(((0, 1), (0, 1)))(x))
    x = layers.Dense(3)(layers.GlobalAveragePooling2D()(x))
    parts = cut_at_feature_map(keras.Model(image, x))
    assert parts.below.output_shape[1:] == (12, 12, 4)
    assert float(keras.ops.min(parts.below(np.ones((1, 12, 12, 3), np.float32)))) == 0  # after ReLU


def test_without_a_fine_feature_map_the_finest_is_taken():
    image = keras.Input((4, 4, 3))
    x = keras.layers.Conv2D(5, 2)(image)
    x = keras.layers.Conv2D(6, 2)(x)
    x = keras.layers.Dense(3)(keras.layers.Flatten()(x))
    assert cut_at_feature_map(keras.Model(image, x)).below.output_shape[1:] == (3, 3, 5)


def built(kind):
    model = kind(3)
    model.build((None, 16, 16))
    return model


@pytest.mark.parametrize("kind", [MLP, RNN])
def test_networks_without_feature_maps_say_so(kind):
    with pytest.raises(InputError, match="Expected a classifier with feature maps.*no heatmap"):
        cut_at_feature_map(built(kind))


def test_an_average_of_two_softmaxes_has_no_logits_and_is_refused():
    image = keras.Input((16, 16, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(small_backbone()(image))
    both = [keras.layers.Dense(3, activation="softmax")(pooled) for _ in range(2)]
    with pytest.raises(InputError, match="one softmax; received one whose outputs.*Average of 2"):
        cut_at_feature_map(keras.Model(image, keras.layers.Average()(both)))


def test_several_outputs_without_that_name_are_refused():
    image = keras.Input((16, 16, 3))
    features = small_backbone()(image)
    model = keras.Model(image, {"a": features, "b": features})
    with pytest.raises(InputError, match="one named 'probabilities'; received"):
        cut_at_feature_map(model)
