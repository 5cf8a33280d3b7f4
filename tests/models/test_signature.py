"""What a classifier takes and gives is read from Functional, Sequential and subclassed models."""

import keras
import pytest

from tl_keras import CNN, MLP, RNN, InputError
from tl_keras.models.signature import gives_logits, num_outputs, picture_shape


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
        assert picture_shape(model) == (16, 16, 1)
        assert num_outputs(model) == 3
        assert gives_logits(model) is logits


def test_an_unbuilt_model_and_one_of_any_size_are_refused():
    with pytest.raises(InputError, match="built model that takes pictures .*received 'cnn"):
        picture_shape(CNN(3))
    with pytest.raises(InputError, match="of one size; received"):
        picture_shape(keras.Sequential([keras.Input((None, None, 3)), keras.layers.ReLU()]))


def test_outputs_per_step_are_no_single_vector():
    model = RNN(3, return_sequences=True)
    model.build((None, 4, 4))
    with pytest.raises(InputError, match=r"one output vector a picture.*\(None, 4, 3\)"):
        num_outputs(model)
