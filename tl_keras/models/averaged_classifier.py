"""Model whose probabilities are the average of those of several networks."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import tree

from tl_keras.checks import InputError
from tl_keras.models.cutting import CutModel, cut_at_frozen, unpacked
from tl_keras.models.keras_private import origin_of, run_graph
from tl_keras.models.weights import set_weights, uncompiled_copy

_CLASSIFIER, _MEAN = "classifier", "mean_probabilities"  # names of layers


def build_averaged_classifier(
    classifier: keras.Model,
    networks: Sequence[list[np.ndarray]],
    proportions: Sequence[float],
    *,
    logits: bool = False,
) -> keras.Model:
    """Builds a model that averages the probabilities of several classifiers.

    They differ only above their frozen part, which runs once for all. The model consists of Keras's
    own layers. `single_network` gives the first of them back, also after saving and loading.

    Args:
        classifier: from `build_classifier`, frozen as it was trained. It is copied.
        networks: weights of each above the frozen part, in the order of
            `cut_at_frozen(classifier).suffix`.
        proportions: what each counts for, 1 in all.
        logits: whether the classifier returns logits, of which the softmax is taken.

    Returns:
        Functional model: images (b, h, w, 3) RGB 0-255 -> probabilities (b, num_classes) float32.

    Raises:
        InputError: the weights are not those above the frozen part.
    """
    _check_networks(cut_at_frozen(classifier).suffix, networks)
    first, *others = networks
    with classifier.distribute_strategy.scope():
        classifier = uncompiled_copy(classifier)
        cut = cut_at_frozen(classifier)
        set_weights(cut.suffix, first)
        image = keras.Input(classifier.input_shape[1:], name="image")
        probabilities, *crossing = tree.flatten(_with_cut(classifier, cut)(image))
        below = unpacked(crossing or [image])
        found = [probabilities]
        for number, weights in enumerate(others, 1):
            found.append(_copy(cut.suffix, weights, f"member_{number}")(below))
        if logits:
            found = [keras.layers.Softmax(dtype="float32")(each) for each in found]
        shares = [
            keras.layers.Rescaling(float(share), dtype="float32", name=f"share_{number}")(each)
            for number, (share, each) in enumerate(zip(proportions, found, strict=True))
        ]
        mean = keras.layers.Add(dtype="float32", name=_MEAN)(shares)
        return keras.Model(image, mean, name="averaged_classifier")


def averages(model: keras.Model) -> bool:
    """Returns whether a model is one of `build_averaged_classifier`."""
    layers = getattr(model, "layers", None)
    return bool(layers) and layers[-1].name == _MEAN


def check_single(model: keras.Model) -> None:
    """Refuses a model that averages, where one network is to be trained."""
    if averages(model):
        raise InputError(
            f"Expected one network to train; received {model.name!r}, the average of "
            f"{len(networks_of(model))}. Give classifier_of(model)."
        )


def networks_of(model: keras.Model) -> list[keras.Model]:
    """Returns the networks whose predictions a model averages; [model] of any other.

    Those beside the first begin above the frozen part. The last layer of each is its own.
    """
    if not averages(model):
        return [model]
    return [layer for layer in model.layers if isinstance(layer, keras.Model)]


def model_of_each(model: keras.Model) -> keras.Model:
    """Returns a model with the probabilities of each network as a list; any other as it is."""
    if not averages(model):
        return model
    _, shares = origin_of(model.outputs[0])
    origins = [origin_of(share) for share in shares]
    each = [
        below[0] if isinstance(layer, keras.layers.Rescaling) else share
        for share, (layer, below) in zip(shares, origins, strict=True)
    ]
    return keras.Model(model.inputs[0], each)


def single_network(model: keras.Model) -> keras.Model:
    """Returns the classifier from which a model that averages was built; any other as it is."""
    if not averages(model):
        return model
    inside = model.get_layer(_CLASSIFIER)
    plain = keras.Model(inside.inputs[0], inside.outputs[0], name=_CLASSIFIER)
    opened = _backbone(plain)
    if len(opened.outputs) == 1:  # nothing below is shared
        return plain
    backbone = keras.Model(opened.inputs[0], opened.outputs[0], name=opened.name)
    image = keras.Input(plain.input_shape[1:], name="image")
    return keras.Model(image, _rerun(plain, image, opened, backbone(image)), name=_CLASSIFIER)


def _check_networks(upper, networks):
    expected = [weight.shape for weight in upper.get_weights()]
    for weights in networks:
        if [weight.shape for weight in weights] != expected:
            raise InputError(
                f"Expected {len(expected)} weights of each network above the frozen part; received "
                f"{len(weights)}, or others. Leave the classifier frozen as fine_tune left it."
            )


def _backbone(classifier):
    [backbone] = [layer for layer in classifier.layers if isinstance(layer, keras.Model)]
    return backbone


def _with_cut(classifier, cut: CutModel):
    """Model of images to (predictions, each tensor at the cut, which lies in the backbone)."""
    if cut.prefix is None:
        return keras.Model(classifier.inputs[0], classifier.outputs[0], name=_CLASSIFIER)
    backbone = _backbone(classifier)
    own = cut_at_frozen(backbone)
    features = tree.flatten(run_graph(own.suffix, own.prefix.outputs, _call))
    opened = keras.Model(own.prefix.inputs[0], [*features, *own.prefix.outputs], name=backbone.name)
    image = keras.Input(classifier.input_shape[1:], name="image")
    features, *crossing = opened(image)
    outputs = [_rerun(classifier, image, backbone, features), *crossing]
    return keras.Model(image, outputs, name=_CLASSIFIER)


def _rerun(classifier, image, backbone, features):
    """Output of a classifier for a symbolic image of which the features are given."""

    def call(operation, *args, **kwargs):
        return features if operation is backbone else _call(operation, *args, **kwargs)

    return tree.flatten(run_graph(classifier, [image], call))[0]


def _call(operation, *args, **kwargs):
    return operation(*args, **kwargs)


def _copy(upper, weights, name):
    copy = uncompiled_copy(upper)
    set_weights(copy, weights)
    return keras.Model(unpacked(copy.inputs), copy.outputs[0], name=name)
