"""Classifiers: the layout promised, and the arguments refused."""

import keras
import numpy as np
import pytest

from tests.check_model import check_model
from tl_keras.checks import InputError
from tl_keras.models.backbones.backbone import get_backbone
from tl_keras.models.classifier import build_classifier, replace_head
from tl_keras.models.heads import HEADS


@pytest.fixture
def tiny_backbone():
    """A base of two layers, so that the tests are about the classifier."""
    keras.utils.set_random_seed(0)
    image = keras.Input((16, 16, 3))
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(image)
    x = keras.layers.Conv2D(8, 3, strides=2, activation="relu", name="conv")(x)
    return keras.Model(image, x, name="tiny")


@pytest.fixture
def images():
    return np.random.default_rng(0).uniform(0, 255, (4, 16, 16, 3)).astype("float32")


def _width(head, units):
    return {} if head == "linear" else {"hidden_units": units}


@pytest.mark.parametrize(("head", "dropout"), [("linear", 0.0), ("gap", 0.3), (None, 0.0)])
def test_dropout_is_that_of_the_linear_start_or_one_default(head, dropout, tiny_backbone):
    model = build_classifier(tiny_backbone, 3, **({"head": head} if head else {}))
    assert model.get_layer("head_dropout").rate == dropout


# tests/models/test_heads.py trains each of them.
@pytest.mark.parametrize(
    "head",
    [head if head == "gap" else pytest.param(head, marks=pytest.mark.slow) for head in HEADS],
)
def test_a_classifier_with_any_head_trains_saves_and_reloads(head, tiny_backbone, images):
    model = check_model(
        lambda: build_classifier(tiny_backbone, 3, head=head, **_width(head, 4)),
        images,
        np.array([0, 1, 2, 0]),
        probabilities=True,
    )
    assert get_backbone(model).name == "tiny"


def test_layout_is_image_backbone_head_predictions(tiny_backbone):
    model = build_classifier(tiny_backbone, 2, head="gap", hidden_units=4)
    names = [layer.name for layer in model.layers]
    assert names == ["image", "tiny", "head_pool", "head_dense", "head_dropout", "predictions"]
    assert model.input_shape == (None, 16, 16, 3)
    assert model.output_shape == (None, 2)


def test_predictions_stay_float32_under_mixed_precision(tiny_backbone):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build_classifier(tiny_backbone, 3, head="gap", hidden_units=4)
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.output.dtype == "float32"


def test_softmax_of_the_logits_is_the_probabilities(tiny_backbone, images):
    logits = build_classifier(tiny_backbone, 3, head="linear", classifier_activation=None)
    probabilities = build_classifier(tiny_backbone, 3, head="linear")
    probabilities.set_weights(logits.get_weights())
    np.testing.assert_allclose(keras.ops.softmax(logits(images)), probabilities(images), atol=1e-6)


@pytest.mark.parametrize("num_classes", [1, 0, 2.5, True, "3"])
def test_fewer_than_two_classes_are_refused(num_classes, tiny_backbone):
    with pytest.raises(InputError, match="num_classes to be an integer >= 2"):
        build_classifier(tiny_backbone, num_classes)


def test_head_is_checked_before_any_download(monkeypatch):
    def no_download(*args, **kwargs):
        raise AssertionError("asked for a file")

    monkeypatch.setattr(keras.utils, "get_file", no_download)
    with pytest.raises(InputError, match="head to be one of"):
        build_classifier("vgg16", 3, head="heads")


def test_same_seed_gives_the_same_random_weights():
    drawn = []
    for _ in range(2):
        keras.utils.set_random_seed(7)
        drawn.append(build_classifier("vgg16", 3, image_size=32, weights="random").get_weights())
    for first, second in zip(*drawn, strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("head", HEADS)
def test_a_replaced_head_is_of_the_same_kind_on_the_same_backbone(head, tiny_backbone, images):
    model = build_classifier(tiny_backbone, 3, head=head, dropout=0.3, **_width(head, 8))
    other = replace_head(model, 5)
    assert get_backbone(other) is get_backbone(model)
    assert [type(layer) for layer in other.layers] == [type(layer) for layer in model.layers]
    assert other.output_shape == (None, 5)
    assert not {id(w) for w in other.weights[len(get_backbone(model).weights) :]} & {
        id(w) for w in model.weights
    }
    np.testing.assert_allclose(np.asarray(other(images)).sum(-1), 1, atol=1e-5)


@pytest.mark.parametrize(
    "head",
    [head if head == "gated" else pytest.param(head, marks=pytest.mark.slow) for head in HEADS],
)
def test_a_classifier_with_a_replaced_head_trains_saves_and_reloads(head, tiny_backbone, images):
    model = build_classifier(tiny_backbone, 3, head=head, dropout=0.3, **_width(head, 8))
    check_model(lambda: replace_head(model, 5), images, np.arange(len(images)) % 5)


def test_a_replaced_head_keeps_logits_and_leaves_the_model_as_it_was(tiny_backbone, images):
    model = build_classifier(
        tiny_backbone, 3, head="gap", hidden_units=8, classifier_activation=None
    )
    before = np.asarray(model(images))
    assert replace_head(model, 2).layers[-1].activation is keras.activations.linear
    np.testing.assert_array_equal(model(images), before)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda model: replace_head(model, 1), "num_classes to be an integer >= 2; received"),
        (lambda model: replace_head(get_backbone(model), 2), "one nested backbone; received"),
    ],
)
def test_a_head_that_cannot_be_replaced_is_refused(build, message, tiny_backbone):
    with pytest.raises(InputError, match=message):
        build(build_classifier(tiny_backbone, 3, head="gap", hidden_units=8))
