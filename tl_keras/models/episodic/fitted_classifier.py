"""Classifier on a backbone whose last layer was fitted outside Keras, as a plain Keras model."""

import keras
import numpy as np
from keras import layers


def fitted_classifier(
    backbone: keras.Model, kernel: np.ndarray, bias: np.ndarray, *, num_classes: int, unit: bool
) -> keras.Model:
    """Builds a classifier of Keras's own layers, which `tl_keras` need not be there to load.

    Features with positions are averaged. With more outputs than classes, a class has the
    largest of its outputs: output j belongs to class j % num_classes.

    Args:
        backbone: images (b, h, w, c) -> features (b, d) or (b, h', w', d). It is shared.
        kernel: float (d, m), m a multiple of num_classes.
        bias: float (m,).
        num_classes: int.
        unit: whether features are scaled to length 1 before the last layer.

    Returns:
        Functional model: "image" -> probabilities (b, num_classes) float32.
    """
    image = keras.Input(backbone.input_shape[1:], name="image")
    vector = backbone(image)
    if len(vector.shape) == 4:
        vector = layers.GlobalAveragePooling2D(name="head_pool", dtype="float32")(vector)
    if unit:
        vector = layers.UnitNormalization(name="head_unit", dtype="float32")(vector)
    classes = _classes(vector, kernel.shape[1], num_classes)
    model = keras.Model(image, classes, name="classifier")
    model.get_layer("predictions").set_weights([kernel, bias])
    return model


def _classes(vector, outputs, num_classes):
    """Returns the probabilities; layer "predictions" takes kernel and bias."""
    if outputs == num_classes:
        dense = layers.Dense(outputs, "softmax", name="predictions", dtype="float32")
        return dense(vector)
    scores = layers.Dense(outputs, name="predictions", dtype="float32")(vector)
    by_class = layers.Reshape((outputs // num_classes, num_classes), name="head_images")(scores)
    nearest = layers.GlobalMaxPooling1D(name="head_nearest", dtype="float32")(by_class)
    return layers.Softmax(name="head_softmax", dtype="float32")(nearest)
