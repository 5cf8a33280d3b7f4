"""Inputs and outputs of a classifier, Functional, Sequential or subclassed."""

import keras
import numpy as np

from tl_keras.checks import InputError
from tl_keras.models.answers.answering_model import answers
from tl_keras.models.baselines.baseline import Baseline
from tl_keras.models.keras_private import origin_of

# Whether outputs are logits, by the activation or the operation that produced them.
_ACTIVATIONS = {
    keras.activations.linear: True,
    keras.activations.log_softmax: True,
    keras.activations.sigmoid: False,
    keras.activations.softmax: False,
}
_OPERATIONS = {"LogSoftmax": True, "Sigmoid": False, "Softmax": False}
# Their outputs are of the kind of their inputs.
_NEUTRAL = (
    keras.layers.Average,
    keras.layers.Dropout,
    keras.layers.Flatten,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.Identity,
    keras.layers.Reshape,
)


def image_shape(model: keras.Model) -> tuple[int, int, int]:
    """Returns (height, width, channels) of the input images of a built `model`.

    Raises:
        InputError: the model is not built, or does not take images of one size.
    """
    shape = getattr(model, "input_shape", None)
    if not isinstance(shape, tuple) or len(shape) != 4 or None in shape[1:]:
        raise InputError(
            "Expected a built model that takes images (b, height, width, channels) of one size; "
            f"received {model.name!r} with input shape {shape}. Give it its size with "
            "model.build((None, height, width, channels)) or keras.Input."
        )
    return shape[1:]


def num_outputs(model: keras.Model) -> int:
    """Returns the number of classes of a built `model` with one output vector per image.

    Raises:
        InputError: the outputs are not one vector per image.
    """
    shape = getattr(model, "output_shape", None)
    if not isinstance(shape, tuple) or len(shape) != 2:
        raise InputError(
            "Expected a model with one output vector per image, (b, num_classes); received "
            f"{model.name!r} with output shape {shape}."
        )
    return shape[1]


def check_classifier(model: keras.Model) -> None:
    """Refuses a model that has a novelty and an answer beside probabilities."""
    if answers(model):
        raise InputError(
            "Expected a classifier, of which probabilities are the only output; received a model "
            f"that answers, {model.name!r}. Give classifier_of(model)."
        )


def gives_logits(model: keras.Model) -> bool:
    """Returns whether the outputs of a built `model` are logits rather than probabilities.

    The activation that produced the outputs decides, also if its layer is in a nested model.

    Raises:
        InputError: the kind of the outputs is undecidable.
    """
    check_classifier(model)
    found = _kind_of_model(model, [])
    if isinstance(found, bool):
        return found
    raise InputError(
        "Expected a classifier whose outputs come from softmax (probabilities) or from a layer "
        f"without activation (logits); received {model.name!r}, whose outputs come from {found}. "
        "If they are logits, add keras.layers.Activation('linear') as the last layer; if not, end "
        "the model in softmax."
    )


def _kind_of_model(model, callers):
    """Returns whether a model outputs logits or, if undecidable, the origin of its outputs, str."""
    if isinstance(model, Baseline):
        return _ACTIVATIONS.get(model.predictions.activation, repr(model.predictions.activation))
    outputs = getattr(model, "outputs", None)
    return _kind(outputs[0], callers) if outputs else type(model).__name__


def _kind(tensor, callers):
    """Returns the kind of a symbolic tensor, see `_kind_of_model`.

    Args:
        tensor: `keras.KerasTensor`.
        callers: (model, tensors it was called on) of each nested model that contains `tensor`.
    """
    operation, sources = origin_of(tensor)
    if isinstance(operation, keras.layers.InputLayer):
        if not callers:
            return "the unchanged inputs"
        *others, (model, arguments) = callers
        place = [id(own) for own in model.inputs].index(id(tensor))
        return _kind(arguments[place], others)
    if isinstance(operation, keras.Model):
        return _kind_of_model(operation, [*callers, (operation, sources)])
    activation = getattr(operation, "activation", None)
    if isinstance(operation, keras.layers.Activation) and activation is keras.activations.linear:
        below = _kind(sources[0], callers)  # a cast, or the user's statement that these are logits
        return below if isinstance(below, bool) else True
    sources = _averaged(operation, sources) or _passed_on(operation, sources)
    if sources:
        kinds = {_kind(source, callers) for source in sources}
        return kinds.pop() if len(kinds) == 1 else " and ".join(sorted(map(str, kinds)))
    name = type(operation).__name__
    if activation is None:
        return _OPERATIONS.get(name, name)
    return _ACTIVATIONS.get(activation, f"{name} with {getattr(activation, '__name__', 'another')}")


def _passed_on(operation, sources):
    """The tensors whose kind the output of an operation has; none of another operation."""
    neutral = isinstance(operation, _NEUTRAL) or type(operation).__name__ == "Cast"
    return sources if neutral else []


def _averaged(operation, sources):
    """The tensors of which a sum is the weighted mean; none of another operation."""
    if not isinstance(operation, keras.layers.Add):
        return []
    scaled = [origin_of(source) for source in sources]
    if not all(isinstance(layer, keras.layers.Rescaling) for layer, _ in scaled):
        return []
    scale, offset = (
        sum(np.asarray(getattr(layer, name), float) for layer, _ in scaled)
        for name in ("scale", "offset")
    )
    mean = np.allclose(scale, 1, rtol=0, atol=1e-6) and not np.any(offset)
    return [below for _, [below] in scaled] if mean else []
