"""Inputs and outputs of Functional, Sequential and subclassed classifiers."""

import keras
import numpy as np
import pytest

from tl_keras import CNN, MLP, RNN, InputError
from tl_keras.evaluation.classifiers.prediction import predict_probabilities
from tl_keras.models.signature import gives_logits, image_shape, num_outputs
from tl_keras.training.fine_tuning.phases import cross_entropy


def sequential(activation):
    layers = [keras.layers.Flatten(), keras.layers.Dense(3, activation=activation)]
    return keras.Sequential([keras.Input((16, 16, 1)), *layers])


def baseline(activation):
    model = MLP(3, classifier_activation=activation)
    model.build((None, 16, 16))
    return model


@pytest.mark.parametrize("build", [sequential, baseline])
def test_shapes_classes_and_logits_of_every_kind_of_model(build):
    for activation, logits in (("softmax", False), (None, True)):
        model = build(activation)
        assert image_shape(model) == (16, 16, 1)
        assert num_outputs(model) == 3
        assert gives_logits(model) is logits


def test_an_unbuilt_model_and_one_of_any_size_are_refused():
    with pytest.raises(InputError, match="built model that takes images .*received 'cnn"):
        image_shape(CNN(3))
    with pytest.raises(InputError, match="of one size; received"):
        image_shape(keras.Sequential([keras.Input((None, None, 3)), keras.layers.ReLU()]))


def test_outputs_per_step_are_no_single_vector():
    model = RNN(3, return_sequences=True)
    model.build((None, 4, 4))
    with pytest.raises(InputError, match=r"one output vector per image.*\(None, 4, 3\)"):
        num_outputs(model)


SHAPE = (4, 4, 1)


def dense(activation=None):
    return keras.layers.Dense(3, activation=activation)


def head(activation=None, *after):
    """A nested model that ends in Dense and what comes `after`."""
    layers = [keras.layers.Flatten(), dense(activation), *after]
    return keras.Sequential([keras.Input(SHAPE), *layers])


def functional(*parts):
    image = x = keras.Input(SHAPE)
    for part in parts:
        x = part(x)
    return keras.Model(image, x)


def averaged(*activations):
    image = keras.Input(SHAPE)
    return keras.Model(image, keras.layers.Average()([head(a)(image) for a in activations]))


LOGITS = {
    "nested": lambda: functional(head()),
    "nested twice": lambda: keras.Sequential([keras.Input(SHAPE), functional(head())]),
    "flattened outside": lambda: functional(head(), keras.layers.Flatten()),
    "only flattened inside": lambda: functional(
        head(), keras.Sequential([keras.Input((3,)), keras.layers.Flatten()])
    ),
    "cast": lambda: functional(head(), keras.layers.Activation("linear", dtype="float32")),
    "nested baseline": lambda: functional(baseline_of(None)),
    "mean of two": lambda: averaged(None, None),
    "log-probabilities": lambda: functional(head("log_softmax")),
    "said by the user": lambda: functional(head("relu", keras.layers.Activation("linear"))),
}
PROBABILITIES = {
    "nested": lambda: functional(head("softmax")),
    "softmax after a nested model": lambda: functional(head(), keras.layers.Softmax()),
    "softmax as an operation": lambda: functional(head(), keras.ops.softmax),
    "cast": lambda: functional(head("softmax"), keras.layers.Activation("linear")),
    "nested baseline": lambda: functional(baseline_of("softmax")),
    "mean of two": lambda: averaged("softmax", "softmax"),
}


def baseline_of(activation):
    model = MLP(3, (4,), classifier_activation=activation)
    model.build((None, *SHAPE))
    return model


def check_loss(model, probabilities_of):
    rng = np.random.default_rng(0)
    images, labels = rng.uniform(0, 1, (8, *SHAPE)).astype("float32"), rng.integers(0, 3, 8)
    outputs = np.asarray(model(images))
    expected = -np.log(probabilities_of(outputs)[np.arange(8), labels]).mean()
    loss = float(cross_entropy(model, sparse=True)(labels, outputs))
    assert loss == pytest.approx(expected, rel=1e-5)


def softmax(outputs):
    powers = np.exp(outputs - outputs.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


@pytest.mark.parametrize("kind", LOGITS)
def test_logits_are_known_whatever_their_layer_is_wrapped_in(kind):
    model = LOGITS[kind]()
    assert gives_logits(model) is True
    check_loss(model, softmax)


@pytest.mark.parametrize("kind", PROBABILITIES)
def test_probabilities_are_known_whatever_their_layer_is_wrapped_in(kind):
    model = PROBABILITIES[kind]()
    assert gives_logits(model) is False
    check_loss(model, lambda outputs: outputs)


class Foreign(keras.Model):
    def call(self, inputs):
        return keras.ops.mean(inputs, axis=(1, 2))


@pytest.mark.parametrize(
    ("build", "made_by"),
    [
        (lambda: functional(head("relu")), "Dense with relu"),
        (lambda: functional(head(None, keras.layers.BatchNormalization())), "BatchNormalization"),
        (lambda: functional(Foreign()), "Foreign"),
        (lambda: averaged(None, "softmax"), "False and True"),
        (lambda: functional(keras.layers.Flatten()), "the unchanged inputs"),
    ],
)
def test_outputs_of_which_nobody_knows_are_refused(build, made_by):
    with pytest.raises(InputError, match=f"outputs come from {made_by}. If they are logits, add"):
        gives_logits(build())


def test_predictions_of_nested_logits_are_probabilities():
    model, images = LOGITS["nested"](), np.ones((2, *SHAPE), "float32")
    probabilities = predict_probabilities(model, [images])
    np.testing.assert_allclose(probabilities, softmax(np.asarray(model(images))), atol=1e-6)
