"""Model with the outputs probabilities, novelty and answer."""

import keras
import numpy as np

from tl_keras.checks import InputError
from tl_keras.models.answers.local_distance import LocalDistance
from tl_keras.models.averaged_classifier import single_network
from tl_keras.models.keras_private import origin_of

OUTPUTS = ("probabilities", "novelty", "answer")
NO_ANSWER = -1
ANYTHING, NOTHING = -1e9, 1e9  # least certainty with which every image, or none, is answered
_CLASSIFIER = "classifier"
# Chosen with the distance on tasks of which one class was left out, see docs/trust.md.
_OF_LOGITS = 0.5  # weight beside a distance of deviation 1
_OF_NOVELTY = 0.05  # weight beside the logarithm of the largest probability
_TINY = 1e-20


def build_answering_model(
    classifier: keras.Model,
    distance: LocalDistance,
    *,
    flips: bool = False,
    least_certainty: float = ANYTHING,
    largest_novelty: float = 0.0,
) -> keras.Model:
    """Builds a model that answers with a class, or leaves the image to a person.

    It consists of Keras's own layers and shares those of the classifier. Its outputs are a dict:

    - "probabilities": float32 (b, num_classes); with `flips` the mean over the image and its mirror
      image.
    - "novelty": float32 (b,), D - 0.5 (max_c log p_c - mean_c log p_c) - `largest_novelty`, with D
      the distance to training images. Above 0 the image resembles none of them.
    - "answer": int32 (b,), the class; -1 where the image is novel, or its certainty below
      `least_certainty`: it is left to a person. See `certainty`.

    Args:
        classifier: Functional model from `build_classifier`, of images to probabilities.
        distance: that of the features below the last layer of `classifier`.
        flips: whether predictions are means over the image and its mirror image.
        least_certainty: that of an image that is answered; `NOTHING` answers none.
        largest_novelty: that of an image that is answered, before it is subtracted.
    """
    seeing = _seeing(classifier)
    image = keras.Input(classifier.input_shape[1:], name="image")
    views = [image, keras.ops.flip(image, axis=2)] if flips else [image]
    features, found = zip(*(seeing(view) for view in views), strict=True)
    probabilities = _mean(found)
    measure = distance.model()
    novelty = _mean([measure(each) for each in features])
    logs = keras.ops.log(keras.ops.maximum(probabilities, _TINY))
    lead = keras.ops.max(logs, axis=-1) - keras.ops.mean(logs, axis=-1)
    novelty = novelty - _OF_LOGITS * lead - largest_novelty
    # Keras's argmax uses operations on bits, which ONNX and LiteRT lack.
    confidence, best = keras.ops.top_k(probabilities, 1)
    sure = keras.ops.log(keras.ops.maximum(confidence[:, 0], _TINY)) - _OF_NOVELTY * novelty
    answered = keras.ops.logical_and(sure >= least_certainty, novelty <= 0.0)
    answer = keras.ops.where(answered, best[:, 0], NO_ANSWER)
    named = zip(OUTPUTS, (probabilities, novelty, answer), strict=True)
    outputs = {name: _named(tensor, name) for name, tensor in named}
    return keras.Model(image, outputs, name="answering_classifier")


def probabilities_model(
    classifier: keras.Model, *, flips: bool = False, logits: bool = False
) -> keras.Model:
    """Builds a model with the output "probabilities" alone, as a dict.

    Args:
        classifier: built model of images to probabilities or logits.
        flips: whether they are means over the image and its mirror image.
        logits: whether the classifier returns logits, of which the softmax is taken.
    """
    image = keras.Input(classifier.input_shape[1:], name="image")
    views = [image, keras.ops.flip(image, axis=2)] if flips else [image]
    found = [classifier(view) for view in views]
    if logits:
        found = [keras.layers.Softmax(dtype="float32")(each) for each in found]
    probabilities = _named(_mean(found), OUTPUTS[0])
    return keras.Model(image, {OUTPUTS[0]: probabilities}, name="classifier_with_views")


def certainty(probabilities: np.ndarray, novelty: np.ndarray) -> np.ndarray:
    """Returns the certainty of answers, log max_c p_c - 0.05 novelty, float32 (n,).

    Args:
        probabilities: float (n, num_classes).
        novelty: float (n,).
    """
    logs = np.log(np.maximum(probabilities.max(axis=1), _TINY, dtype=np.float32))
    return logs - np.float32(_OF_NOVELTY) * novelty


def answers(model: keras.Model) -> bool:
    """Returns whether a model is one of `build_answering_model`."""
    return set(getattr(model, "output_names", ())) == set(OUTPUTS)


def classifier_of(model: keras.Model) -> keras.Model:
    """Returns the classifier in a model that answers or averages; layers and weights are shared.

    Args:
        model: `model.keras` of a run with `--max-error`, or one that averages several networks, see
            `average_classifier`. Any other model is returned as it is.

    Returns:
        Functional model: images (b, h, w, 3) RGB 0-255 -> probabilities (b, num_classes), without
        novelty, answer or mirror images. After it was trained on, novelty and answer of `model`
        are no longer those that were promised.

    Raises:
        InputError: a model with these outputs was not built by tl_keras.
    """
    if not answers(model):
        return single_network(model)
    inside = [layer for layer in model.layers if layer.name == _CLASSIFIER]
    if len(inside) != 1 or not isinstance(inside[0], keras.Model) or len(inside[0].outputs) != 2:
        raise InputError(
            f"Expected a model that `tl-keras train --max-error` wrote; received {model.name!r}, "
            "which has its outputs and no classifier inside."
        )
    return keras.Model(inside[0].inputs[0], inside[0].outputs[1], name=_CLASSIFIER)


def features_model(classifier: keras.Model) -> keras.Model:
    """Returns a Functional model from images to the features below the last layer."""
    _, [features] = origin_of(classifier.outputs[0])
    return keras.Model(classifier.inputs[0], features, name="features")


def _seeing(classifier):
    """Model from images to (features below the last layer, probabilities)."""
    outputs = [*features_model(classifier).outputs, *classifier.outputs]
    return keras.Model(classifier.inputs[0], outputs, name=_CLASSIFIER)


def _named(tensor, name):
    return keras.layers.Identity(dtype=tensor.dtype, name=name)(tensor)


def _mean(tensors):
    return keras.layers.Average(dtype="float32")(tensors) if len(tensors) > 1 else tensors[0]
