"""Cuts a classifier at its last feature map: images to feature map, and feature map to logits."""

import dataclasses
import math

import keras
from keras import tree

from tl_keras.checks import InputError
from tl_keras.models.baselines.baseline import Baseline
from tl_keras.models.keras_private import has_parameters, is_functional, origin_of, run_graph
from tl_keras.models.signature import gives_logits, image_shape

_FINE = 5  # positions per side; on 3 x 3, the borders are everywhere, and peaks mean little
PROBABILITIES = "probabilities"  # name of that output, of a classifier with several
_SQUASHED = (keras.activations.softmax, keras.activations.sigmoid)


@dataclasses.dataclass(frozen=True)
class FeatureMaps:
    """A classifier in two parts that share its layers.

    Attributes:
        below: images (b, h, w, c) -> feature map (b, h', w', d).
        above: feature map -> logits (b, num_classes), the inputs of softmax.
    """

    below: keras.Model
    above: keras.Model


def cut_at_feature_map(model: keras.Model) -> FeatureMaps:
    """Splits a classifier at the last fine feature map that the whole of its answer depends on.

    Nested models are opened, so the feature map may lie inside the backbone. It is the output of a
    layer after the first one with weights, and no connection leads around it. It has at least 5
    positions per side, where the network has any such: at 96 pixels MobileNetV2 ends in 3 x 3, too
    coarse for a place. A pooling layer after it is left above.

    Args:
        model: built classifier, Functional, Sequential or a baseline, with logits or softmax. Of
            several outputs the one named "probabilities" counts.

    Returns:
        `FeatureMaps`.

    Raises:
        InputError: the model has no such feature map, or its outputs are no logits or softmax.
    """
    image_shape(model)
    walk = _Walk()
    flat = _graph(model)
    image = keras.Input(batch_shape=flat.inputs[0].shape, dtype=flat.inputs[0].dtype)
    output = walk.expand(flat, image)
    found = walk.feature_map(image)
    if found is None:
        raise InputError(
            "Expected a classifier with feature maps, such as a backbone or a CNN; received "
            f"{model.name!r}, in which no layer with weights has an output (b, h, w, c). Of such a "
            "network there is no heatmap."
        )
    logits = output if gives_logits(flat) else _before_softmax(output)
    return FeatureMaps(keras.Model(image, found), keras.Model(found, logits))


class _Walk:
    """Re-runs a model's graph symbolically, its nested models opened, and notes each step."""

    def __init__(self):
        self.steps = []  # (operation, ids of its inputs, its outputs)

    def expand(self, model, tensor):
        """Returns the output of a model of one input for a symbolic tensor."""
        return tree.flatten(run_graph(_graph(model), [tensor], self._call))[0]

    def _call(self, operation, *args, **kwargs):
        inputs = _keras_tensors((args, kwargs))
        if isinstance(operation, keras.Model) and _is_open(operation) and len(inputs) == 1:
            return self.expand(operation, inputs[0])
        outputs = operation(*args, **kwargs)
        self.steps.append((operation, {id(t) for t in inputs}, _keras_tensors(outputs)))
        return outputs

    def feature_map(self, image):
        """Returns the last feature map that is fine enough, or else the finest; None without any.

        Layers without weights that change its size, such as pooling and padding, make no new one.
        """
        found, is_new, waiting = [], False, {id(image): image}
        for step, (operation, _, outputs) in enumerate(self.steps):
            is_new |= isinstance(operation, keras.Layer) and has_parameters(operation)
            later = set().union(*(inputs for _, inputs, _ in self.steps[step + 1 :]))
            waiting |= {id(t): t for t in outputs}
            waiting = {key: t for key, t in waiting.items() if key in later}
            tensor = next(iter(waiting.values())) if len(waiting) == 1 else None
            if tensor is None or _positions(tensor) < 2:
                continue
            if is_new or (found and tensor.shape[1:3] == found[-1].shape[1:3]):
                found.append(tensor)
                is_new = False
        fine = [tensor for tensor in found if min(tensor.shape[1:3]) >= _FINE]
        return fine[-1] if fine else max(reversed(found), key=_positions, default=None)


def _graph(model):
    """Returns a model as a graph of layers from one input to the probabilities or logits."""
    if isinstance(model, Baseline):
        image = keras.Input(model.input_shape[1:])
        return keras.Model(image, model.predictions(model.features(image)))
    if not _is_open(model):
        raise InputError(
            "Expected a Functional or Sequential classifier, or a baseline; received "
            f"{model.name!r}, a {type(model).__name__}. Give the network inside it."
        )
    shapes = model.compute_output_shape(model.input_shape)  # output_shape forgets names
    names = sorted(shapes) if isinstance(shapes, dict) else [PROBABILITIES]
    if PROBABILITIES not in names or len(model.outputs) != len(names):
        raise InputError(
            f"Expected a model with one output, or one named {PROBABILITIES!r}; received "
            f"{model.name!r} with outputs of shapes {shapes}."
        )
    return keras.Model(model.inputs, model.outputs[names.index(PROBABILITIES)])


def _is_open(model):
    return isinstance(model, (keras.Sequential, Baseline)) or is_functional(model)


def _positions(tensor):
    return math.prod(tensor.shape[1:3]) if len(tensor.shape) == 4 else 0


def _before_softmax(output):
    """Returns the input of the softmax (or sigmoid) from which an output comes."""
    operation, inputs = origin_of(output)
    activation = getattr(operation, "activation", None)
    if activation in _SQUASHED and hasattr(operation, "kernel"):
        x = keras.ops.cast(inputs[0], operation.kernel.dtype)
        product = keras.ops.matmul(x, operation.kernel)
        return product + operation.bias if operation.use_bias else product
    if activation in _SQUASHED or type(operation).__name__ in ("Softmax", "Sigmoid"):
        return inputs[0]
    if len(inputs) != 1:
        raise InputError(
            "Expected a classifier with one softmax; received one whose outputs come from "
            f"{type(operation).__name__} of {len(inputs)}. Give each of its networks by itself."
        )
    return _before_softmax(inputs[0])  # what neither changes values nor order, see gives_logits


def _keras_tensors(structure):
    return [t for t in tree.flatten(structure) if isinstance(t, keras.KerasTensor)]
