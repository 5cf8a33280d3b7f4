"""What a classifier takes and gives, whether Functional, Sequential or subclassed."""

import keras

from tl_keras.checks import InputError


def picture_shape(model):
    """Returns (height, width, channels) of the pictures that a built `model` takes.

    Raises:
        InputError: it is not built, or does not take pictures of one size.
    """
    shape = getattr(model, "input_shape", None)
    if not isinstance(shape, tuple) or len(shape) != 4 or None in shape[1:]:
        raise InputError(
            "Expected a built model that takes pictures (b, height, width, channels) of one size; "
            f"received {model.name!r} with input shape {shape}. Give it its size with "
            "model.build((None, height, width, channels)) or keras.Input."
        )
    return shape[1:]


def num_outputs(model):
    """Returns the number of classes that a built `model` tells apart, one vector a picture.

    Raises:
        InputError: its outputs are not one vector a picture.
    """
    shape = getattr(model, "output_shape", None)
    if not isinstance(shape, tuple) or len(shape) != 2:
        raise InputError(
            "Expected a model with one output vector a picture, (b, num_classes); received "
            f"{model.name!r} with output shape {shape}."
        )
    return shape[1]


def gives_logits(model):
    """Whether the outputs are logits: the last layer has no activation of its own."""
    return getattr(model.layers[-1], "activation", None) is keras.activations.linear
