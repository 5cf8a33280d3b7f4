"""Probabilities in the order of the images, from every kind of model."""

import keras
import numpy as np
import pytest

from tl_keras import MLP, InputError
from tl_keras.evaluation.classifiers.prediction import predict_probabilities

IMAGES = np.random.default_rng(0).integers(0, 256, (7, 6, 6, 1), dtype=np.uint8)
BATCHES = [IMAGES[:4], IMAGES[4:]]


def functional(activation):
    image = keras.Input((6, 6, 1))
    flat = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(image))
    return keras.Model(image, keras.layers.Dense(3, activation=activation)(flat))


def subclassed(activation):
    model = MLP(3, hidden_units=(), classifier_activation=activation)
    model.build((None, 6, 6))
    return model


@pytest.mark.parametrize("build", [functional, subclassed])
def test_logits_and_probabilities_give_the_same_rows_in_order(build):
    probabilities, logits = build("softmax"), build(None)
    logits.set_weights(probabilities.get_weights())
    expected = probabilities(IMAGES.astype("float32"))
    for model in (probabilities, logits):
        np.testing.assert_allclose(predict_probabilities(model, BATCHES), expected, atol=1e-6)


def test_labels_beside_the_images_and_a_missing_channel_are_taken():
    model = subclassed("softmax")
    batches = [(batch[..., 0], np.zeros(len(batch))) for batch in BATCHES]
    np.testing.assert_array_equal(
        predict_probabilities(model, batches), predict_probabilities(model, BATCHES)
    )


def test_an_unbuilt_model_is_refused():
    with pytest.raises(InputError, match="Expected a built model"):
        predict_probabilities(MLP(3), BATCHES)


@pytest.mark.parametrize("activation", ["softmax", None])
def test_flips_average_the_probabilities_of_each_image_and_its_mirror_image(activation):
    model = functional(activation)
    plain, mirrored = (
        predict_probabilities(model, [images]) for images in (IMAGES, IMAGES[:, :, ::-1])
    )
    assert np.abs(plain - mirrored).max() > 1e-3
    both = predict_probabilities(model, BATCHES, flips=True)
    np.testing.assert_allclose(both, (plain + mirrored) / 2, atol=1e-6)
