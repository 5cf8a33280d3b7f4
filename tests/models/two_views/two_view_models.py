"""Small models that learn from two views, and their training images."""

import keras

import tl_keras
from tl_keras.settings import methods

ROWS = [methods.METHODS[name] for name in methods.names_of(methods.TWO_VIEWS)]
METHODS = [getattr(tl_keras, row.model.split(":")[1]) for row in ROWS]


def small_encoder(side=8, channels=3, spatial=True):
    """Two convolutions, (b, side, side, channels) -> features (b, h, w, 12) or their mean."""
    image = keras.Input((side, side, channels), name="image")
    x = keras.layers.Rescaling(1 / 255.0)(image)
    x = keras.layers.Conv2D(8, 3, strides=2, activation="relu")(x)
    x = keras.layers.Conv2D(12, 2, activation="relu")(x)
    return keras.Model(image, x if spatial else keras.layers.GlobalAveragePooling2D()(x))


def small_model(method, seed=0, **arguments):
    """One of `METHODS` with the same weights for the same seed."""
    keras.utils.set_random_seed(seed)
    if method is tl_keras.SimSiam:
        arguments = {"predictor_units": 8, **arguments}
    encoder = arguments.pop("encoder", None) or small_encoder()
    return method(encoder, **{"projection_units": (16, 8), **arguments})
