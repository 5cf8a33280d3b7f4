"""Networks of a GAN: the encoder in its discriminator, their widths, and custom networks."""

import keras
import numpy as np
import pytest

from tests.models.gan.small_gans import IMAGES, RNG, own_networks, small_gan
from tl_keras import GAN, build_backbone, build_classifier, load_model


def test_its_encoder_is_a_flat_backbone_for_pixels():
    gan = small_gan(input_shape=(8, 8, 3))
    encoder = gan.encoder
    assert not any(isinstance(layer, keras.Model) for layer in encoder.layers)
    images = RNG.integers(0, 256, (4, 8, 8, 3)).astype("float32")
    head = gan.discriminator.get_layer("real")(encoder(images).numpy().reshape(4, -1))
    np.testing.assert_allclose(head, gan(images), atol=1e-5)
    classifier = build_classifier(encoder, 3, head="gap", hidden_units=4)
    assert classifier(images).shape == (4, 3)
    conditional = small_gan(input_shape=(8, 8, 3), num_classes=2)
    assert conditional.encoder(images).shape == (4, 2, 2, 8)


def test_the_encoder_of_a_grey_gan_takes_colour_by_its_brightness(tmp_path):
    gan = small_gan()
    grey = IMAGES[:4, ..., None].astype("float32")
    features = gan.encoder(np.repeat(grey, 3, axis=-1)).numpy()
    head = gan.discriminator.get_layer("real")(features.reshape(4, -1))
    np.testing.assert_allclose(head, gan(grey), atol=1e-5)
    colours = RNG.integers(0, 256, (4, 8, 8, 3)).astype("float32")
    brightness = colours @ np.array([[0.299], [0.587], [0.114]])
    gan.encoder.save(tmp_path / "encoder.keras")
    encoder = build_backbone(tmp_path / "encoder.keras")
    head = gan.discriminator.get_layer("real")(encoder(colours).numpy().reshape(4, -1))
    np.testing.assert_allclose(head, gan(brightness), atol=1e-3)


@pytest.mark.parametrize(
    ("arguments", "width"),
    [({"width": 5}, 5), ({"width": 4, "discriminator_width": 6}, 6)],
)
def test_the_discriminator_has_the_width_of_the_generator_unless_told(arguments, width):
    gan = GAN((8, 8), 4, **arguments)
    assert gan.discriminator_width == width
    assert gan.discriminator.get_layer("halve_1").filters == width
    assert gan.generator.get_layer("start").units == 16 * arguments["width"]
    clone = GAN.from_config(gan.get_config())
    assert [w.shape for w in clone.weights] == [w.shape for w in gan.weights]


def test_a_configuration_without_a_width_of_the_discriminator_has_one_for_both():
    config = GAN((8, 8), 4, width=8).get_config()
    del config["discriminator_width"]
    assert GAN.from_config(config).discriminator.get_layer("halve_1").filters == 8


def test_own_networks_take_the_place_of_the_default_ones(tmp_path):
    gan = small_gan(**own_networks())
    images = RNG.integers(0, 256, (16, 4, 4, 3), dtype=np.uint8)
    gan.fit(images, batch_size=8, verbose=0)
    assert gan.generator.name == "mine"
    assert gan.encoder(images.astype("float32")).shape == (16, 6)
    gan.save(tmp_path / "own.keras")
    loaded = load_model(tmp_path / "own.keras", compile=True)
    np.testing.assert_array_equal(loaded.sample(3, seed=0), gan.sample(3, seed=0))
    loaded.fit(images, verbose=0)
