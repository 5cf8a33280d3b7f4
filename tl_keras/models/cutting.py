"""Cuts a model where its frozen part ends, so that the frozen part need run only once."""

import dataclasses
from collections.abc import Sequence

import keras
from keras import tree

from tl_keras.models.keras_private import all_layers, has_parameters, is_functional, run_graph


@dataclasses.dataclass(frozen=True)
class CutModel:
    """A model in two parts that share its layers.

    Attributes:
        prefix: from the inputs to the list of tensors that cross the cut; None if only layers
            without weights are frozen.
        suffix: from those tensors (the inputs, if there is no prefix) to the model's output.
    """

    prefix: keras.Model | None
    suffix: keras.Model


def cut_at_frozen(model: keras.Model) -> CutModel:
    """Splits `model` into the part whose outputs training cannot change, and the rest.

    Nested Functional models are opened, so the cut may lie inside the backbone; residual
    connections can make several tensors cross it. Random layers (dropout) below the cut run in
    inference mode; those above it belong to the suffix.

    Returns:
        A `CutModel`. Training the suffix trains the layers of `model`.
    """
    walk = _Walk()
    inputs = [keras.Input(batch_shape=t.shape, dtype=t.dtype) for t in model.inputs]
    walk.fixed.update(id(t) for t in inputs)
    output = walk.expand(model, inputs)
    walk.cross([output])
    crossing = list(walk.crossing.values())
    with model.distribute_strategy.scope():
        prefix = keras.Model(unpacked(inputs), crossing)
        if not any(_matters(leaf) for leaf in all_layers(prefix)):
            return CutModel(None, keras.Model(unpacked(inputs), output))
        return CutModel(prefix, keras.Model(unpacked(crossing), output))


def unpacked(tensors: Sequence) -> object:
    """Returns inputs in the form that Keras and `tf.data` both take: one tensor, or a tuple."""
    return tensors[0] if len(tensors) == 1 else tuple(tensors)


class _Walk:
    """Re-runs a model's graph symbolically and notes which tensors training cannot change."""

    def __init__(self):
        self.fixed = set()
        self.crossing = {}

    def expand(self, model, inputs):
        return run_graph(model, inputs, self._call)

    def _call(self, operation, *args, **kwargs):
        tensors = _keras_tensors((args, kwargs))
        if is_functional(operation, exactly=True) and len(args) == 1:
            return self.expand(operation, _keras_tensors(args))
        fixed = all(id(t) in self.fixed for t in tensors) and not _learns(operation)
        outputs = operation(*args, **kwargs)
        if fixed:
            self.fixed.update(id(t) for t in _keras_tensors(outputs))
        else:
            self.cross(tensors)
        return outputs

    def cross(self, tensors):
        for tensor in _keras_tensors(tensors):
            if id(tensor) in self.fixed:
                self.crossing[id(tensor)] = tensor


def _keras_tensors(structure):
    return [t for t in tree.flatten(structure) if isinstance(t, keras.KerasTensor)]


def _learns(operation):
    """Returns whether the outputs of `operation` may change from one epoch to the next."""
    if not isinstance(operation, keras.Layer):
        return False
    return bool(operation.trainable_weights) or (operation.trainable and _is_random(operation))


def _is_random(layer):
    return any(getattr(leaf, "seed_generator", None) for leaf in all_layers(layer))


def _matters(layer):
    """Returns whether `layer` costs time below the cut, or has dropout that freezes there."""
    return has_parameters(layer) or getattr(layer, "seed_generator", None) is not None
