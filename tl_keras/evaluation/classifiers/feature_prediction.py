"""Class probabilities from stored output of a classifier's frozen part."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tl_keras.data.dataset import ImageDataset
from tl_keras.evaluation.classifiers.prediction import predict_probabilities
from tl_keras.models.cutting import cut_at_frozen, unpacked
from tl_keras.models.inference import traced
from tl_keras.models.signature import gives_logits, image_shape
from tl_keras.training.frozen.feature_cache import Images


def predict_above_frozen(
    model: keras.Model, dataset: ImageDataset, store: Any, *, batch_size: int = 64
) -> np.ndarray:
    """Returns the probabilities of every class and runs only the layers above the frozen part.

    Args:
        model: classifier from `build_classifier`, frozen by `fine_tune`.
        dataset: `ImageDataset`.
        store: `FeatureStore`. A second model with the same frozen part reuses its output.
        batch_size: images per batch.

    Returns:
        float32 (n, num_classes), like `predict_probabilities`.
    """
    size = image_shape(model)[:2]
    cut = cut_at_frozen(model)
    if cut.prefix is None:
        return predict_probabilities(model, dataset.pipeline(batch_size, image_size=size))
    features = store.compute(cut.prefix, Images(dataset, size), batch_size=batch_size)
    shapes = [i.shape[1:] for i in cut.suffix.inputs]
    run = traced(lambda *i: cut.suffix(unpacked(i), training=False), shapes)
    load, rows = features.loader(), np.arange(len(dataset))
    outputs = [
        run(*load(0, rows[start : start + batch_size]))
        for start in range(0, len(dataset), batch_size)
    ]
    logits = gives_logits(model)
    return np.concatenate([(tf.nn.softmax(o) if logits else o).numpy() for o in outputs])
