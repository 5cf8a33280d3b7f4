"""Private names of Keras that the package needs; no other module uses one.

`KERAS_VERSIONS` have them all. A test names those that an installed Keras lacks.
"""

import functools
from collections.abc import Callable, Sequence

import keras
from keras.src.backend.common.global_state import get_global_attribute
from keras.src.backend.tensorflow import trainer as tensorflow_trainer
from keras.src.models.functional import Functional
from keras.src.random.seed_generator import GLOBAL_SEED_GENERATOR, global_seed_generator

KERAS_VERSIONS = ">=3.15.1,<3.16"


def is_functional(model: keras.Layer, *, exactly: bool = False) -> bool:
    """Returns whether a model has a graph of layers; Keras does not export its class.

    Args:
        model: any layer.
        exactly: whether subclasses, which may add to the graph, are left out.
    """
    kinds = (Functional, keras.Model)
    return type(model) in kinds if exactly else isinstance(model, Functional)


def all_layers(
    layer: keras.Layer, *, include_self: bool = True, recursive: bool = True
) -> list[keras.Layer]:
    """Returns a layer and all within it, outermost first; `layers` is of models and one level."""
    return list(layer._flatten_layers(include_self=include_self, recursive=recursive))


def run_graph(model: keras.Model, inputs: Sequence, call: Callable) -> object:
    """Runs a graph with `call` in place of each operation; Keras offers that in no other way."""
    return model._run_through_graph(inputs, call_fn=call)


def has_parameters(layer: keras.Layer) -> bool:
    """Returns whether a layer has weights to train of its own, also if it is frozen."""
    return bool(layer._trainable_variables)


def users_of(layer: keras.Layer) -> list[keras.Operation]:
    """Returns the operations that read the outputs of a layer; Keras keeps them in its nodes."""
    return [node.operation for node in layer._outbound_nodes]


def origin_of(tensor: keras.KerasTensor) -> tuple[keras.Operation, list[keras.KerasTensor]]:
    """Returns the operation that made a symbolic tensor, and its inputs; only nodes know them."""
    operation, node, _ = tensor._keras_history
    return operation, operation._inbound_nodes[node].input_tensors


def variable_index(optimizer: keras.Optimizer, variable: keras.Variable) -> int:
    """Returns the place of a variable among those of an optimizer, for slots in that order."""
    return optimizer._get_variable_index(variable)


def decays(optimizer: keras.Optimizer, variable: keras.Variable) -> bool:
    """Returns whether a variable is not excluded from decay; Keras has a setter alone for that."""
    return optimizer._use_weight_decay(variable)


def adam_moments(
    optimizer: keras.optimizers.Adam, variable: keras.Variable
) -> tuple[keras.Variable, keras.Variable]:
    """Returns Adam's two moments of a variable, which an update of its own has to write."""
    index = variable_index(optimizer, variable)
    return optimizer._momentums[index], optimizer._velocities[index]


def global_seeds(*, create: bool = False) -> keras.random.SeedGenerator | None:
    """Returns the generator of random numbers without a seed of their own.

    Args:
        create: whether to make it if nothing was drawn from it yet; else that is None.
    """
    return global_seed_generator() if create else get_global_attribute(GLOBAL_SEED_GENERATOR)


def replace_symbolic_build(build: Callable) -> None:
    """Replaces the build before the first step; Keras looks its method up in its own class.

    Args:
        build: function of Keras's own method, the model, and its arguments iterator and data_batch.
    """
    kind = tensorflow_trainer.TensorFlowTrainer
    kind._maybe_symbolic_build = functools.partialmethod(
        _passing, build, kind._maybe_symbolic_build
    )


def _passing(model, build, own, *args, **kwargs):
    return build(own, model, *args, **kwargs)


def replace_reduction(reduce: Callable) -> None:
    """Replaces the function that reduces the logs of replicas, which each step looks up by name.

    Args:
        reduce: function of Keras's own function and its arguments values, strategy and reduction.
    """
    own = tensorflow_trainer.reduce_per_replica
    tensorflow_trainer.reduce_per_replica = functools.partial(reduce, own)


EVALUATED_BY_FIT = "_use_cached_eval_dataset"  # keyword with which `fit` calls `evaluate`


class OwnDecay:
    """Mixin of an optimizer that decays in `update_step`: Keras's decay knows one rate for all."""

    def _apply_weight_decay(self, variables: Sequence[keras.Variable]) -> None:
        """Leaves the decay to `update_step`."""
