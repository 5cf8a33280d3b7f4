"""Default networks of a GAN: valid image sizes and output shapes."""

import keras
import numpy as np
import pytest

from tl_keras import InputError
from tl_keras.models.gan.dcgan import build_discriminator, build_generator, count_halvings


@pytest.mark.parametrize(
    ("shape", "halvings"),
    [((8, 8, 1), 1), ((28, 28, 1), 2), ((32, 32, 3), 3), ((64, 64, 3), 4), ((28, 32, 1), 2)],
)
def test_sizes_halve_down_to_four_to_eight_pixels(shape, halvings):
    assert count_halvings(shape) == halvings
    generator = build_generator(shape, 5, width=4)
    discriminator = build_discriminator(shape, width=4)
    latent = np.random.default_rng(0).normal(0, 9, (3, 5)).astype("float32")
    images = generator(latent).numpy()
    assert images.shape == (3, *shape)
    assert np.abs(images).max() <= 1
    assert discriminator(images).shape == (3, 1)
    sides = discriminator.get_layer("features").output.shape[1:3]
    assert max(sides) <= 4


@pytest.mark.parametrize("shape", [(27, 27, 1), (7, 7, 1), (4, 4, 1), (36, 36, 1), (28, 27, 1)])
def test_a_size_that_cannot_be_halved_often_enough_is_refused(shape):
    with pytest.raises(InputError, match=f"received {shape[0]} x {shape[1]}"):
        build_generator(shape, 5)
    with pytest.raises(InputError, match="halves to 4-8 pixels"):
        build_discriminator(shape)


def test_what_the_discriminator_says_of_an_image_does_not_depend_on_the_others():
    discriminator = build_discriminator((8, 8, 1), width=4)
    images = np.random.default_rng(0).uniform(-1, 1, (6, 8, 8, 1)).astype("float32")
    together = discriminator(images, training=True)
    alone = [discriminator(image[None], training=True)[0] for image in images]
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_class_score_is_the_projection_of_the_features():
    discriminator = build_discriminator((8, 8, 1), 3, width=4)
    rng = np.random.default_rng(0)
    images = rng.uniform(-1, 1, (4, 8, 8, 1)).astype("float32")
    classes = np.eye(3, dtype="float32")[[0, 2, 1, 2]]
    w, b = discriminator.get_layer("real").get_weights()
    (v,) = discriminator.get_layer("class_direction").get_weights()
    flatten = discriminator.get_layer("flatten").output
    features = keras.Model(discriminator.inputs[0], flatten)(images).numpy()
    expected = features @ w + b + (features * (classes @ v)).sum(1, keepdims=True)
    np.testing.assert_allclose(discriminator([images, classes]), expected, atol=1e-5)
