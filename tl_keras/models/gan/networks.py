"""Checks of generators and discriminators, and the encoder in a discriminator."""

import keras

from tl_keras.checks import InputError
from tl_keras.models.steps.rgb_inputs import brightness


def check_networks(
    generator: keras.Model,
    discriminator: keras.Model,
    shape: tuple[int, int, int],
    latent_dim: int,
    num_classes: int | None,
) -> None:
    """Refuses networks whose inputs or outputs do not fit the other network.

    Args:
        generator, discriminator: built keras.Models.
        shape: (height, width, channels) of the images.
        latent_dim, num_classes: as in `GAN`.

    Raises:
        InputError: a shape does not fit; the message names the network and the shape.
    """
    _check(generator, "generator", (latent_dim,), num_classes, shape)
    _check(discriminator, "discriminator", shape, num_classes, (1,))


def _check(network, name, takes, num_classes, gives):
    wanted = [(None, *takes)] + ([(None, num_classes)] if num_classes else [])
    inputs = getattr(network, "input_shape", None)
    received = list(inputs) if isinstance(inputs, list) else [inputs]
    outputs = getattr(network, "output_shape", None)
    if received == wanted and outputs == (None, *gives):
        return
    wanted = wanted if num_classes else wanted[0]
    raise InputError(
        f"Expected a built {name} from {wanted} to {(None, *gives)}; received {network.name!r} "
        f"from {inputs} to {outputs}. Build it with keras.Input of that shape, or change "
        "input_shape, latent_dim or num_classes."
    )


def feature_encoder(discriminator: keras.Model, scale: dict[str, float]) -> keras.Model:
    """Returns the discriminator up to its features as a flat model for RGB 0-255.

    Args:
        discriminator: Functional or Sequential model whose first input is images.
        scale: dict, arguments of `keras.layers.Rescaling`.

    Returns:
        Functional model with shared layers: (b, h, w, 3) 0-255 -> features. Colour is reduced to
        brightness if the discriminator takes one channel.

    Raises:
        InputError: the discriminator has no graph to cut, or its features depend on classes.
    """
    try:
        features = _features(discriminator)
        inner = keras.Model(discriminator.inputs[0], features)
    except (AttributeError, ValueError) as error:
        raise InputError(
            'Expected a Functional or Sequential discriminator with a layer "features" that needs '
            f"images only; received {discriminator.name!r}. Name that layer."
        ) from error
    *size, channels = inner.input_shape[1:]
    images = x = keras.Input((*size, 3), name="image")
    if channels == 1:
        x = brightness(x)
    scaled = keras.layers.Rescaling(**scale, name="scale_pixels")(x)

    def call(layer, *args, **kwargs):
        args = [scaled if arg is images else arg for arg in args]
        return layer(*args, **kwargs)

    # Called layer by layer, so that no model is nested: a backbone is flat.
    flat = keras.models.clone_model(
        inner, input_tensors=images, clone_function=lambda layer: layer, call_function=call
    )
    flat.name = "discriminator_features"
    return flat


def _features(discriminator):
    for layer in discriminator.layers:
        if layer.name == "features":
            return layer.output
    return discriminator.layers[-1].input
