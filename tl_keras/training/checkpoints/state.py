"""State of a training: model, optimizers, callbacks and random numbers."""

import random
from collections.abc import Sequence

import keras
import numpy as np

from tl_keras.checks import InputError
from tl_keras.models.keras_private import global_seeds

# Attributes that are the state of Keras's own callbacks. A callback of ours names its own in
# `state_names`.
_STATE_NAMES = {
    keras.callbacks.History: ("epoch", "history"),
    keras.callbacks.EarlyStopping: ("wait", "stopped_epoch", "best", "best_epoch", "best_weights"),
    keras.callbacks.ProgbarLogger: (),
    keras.callbacks.LambdaCallback: (),
}


def state_names(callback: keras.callbacks.Callback) -> tuple[str, ...]:
    """Returns the names of the attributes that are the state of a callback.

    Raises:
        TypeError: it does not say what its state is.
    """
    own = getattr(callback, "state_names", None)
    known = [names for kind, names in _STATE_NAMES.items() if type(callback) is kind]
    if own is None and not known:
        raise TypeError(
            f"Expected a callback with `state_names`, the attributes that a checkpoint keeps; "
            f"received {type(callback).__name__}."
        )
    return known[0] if own is None else own


def state_of(model: keras.Model, callbacks: Sequence[keras.callbacks.Callback]) -> dict:
    """Returns the state of a training as numbers and arrays."""
    return {
        "variables": [variable.numpy() for variable in _variables(model)],
        "epochs_trained": getattr(model, "epochs_trained", None),
        "callbacks": [
            {name: getattr(callback, name) for name in names}
            for callback, names in _with_state(callbacks)
        ],
        "random": _random_state(),
    }


def set_state(
    model: keras.Model, callbacks: Sequence[keras.callbacks.Callback], state: dict
) -> None:
    """Puts a state of `state_of` back.

    Raises:
        InputError: it is that of another model or of other callbacks.
    """
    variables, with_state = _variables(model), _with_state(callbacks)
    expected = [tuple(variable.shape) for variable in variables], [names for _, names in with_state]
    received = (
        [value.shape for value in state["variables"]],
        [tuple(values) for values in state["callbacks"]],
    )
    if expected != received:
        raise InputError(
            f"Expected a checkpoint of this training, with {len(expected[0])} variables and the "
            f"state of {len(with_state)} callbacks; received one of another. Was the program "
            "changed since? Begin the run anew in another folder."
        )
    for variable, value in zip(variables, state["variables"], strict=True):
        variable.assign(value)
    set_epochs_trained(model, state)
    for (callback, names), values in zip(with_state, state["callbacks"], strict=True):
        for name in names:
            setattr(callback, name, values[name])
    _set_random_state(state["random"])


def set_epochs_trained(model: keras.Model, state: dict) -> None:
    """Puts the number of trained epochs back, of a model that counts them."""
    if state["epochs_trained"] is not None:
        model.epochs_trained = state["epochs_trained"]


def _with_state(callbacks):
    pairs = [(callback, state_names(callback)) for callback in callbacks]
    return [(callback, names) for callback, names in pairs if names]


def _variables(model):
    optimizers = (model.optimizer, getattr(model, "discriminator_optimizer", None))
    states = (optimizer.variables for optimizer in optimizers if optimizer is not None)
    variables = [*model.variables, *model.metrics_variables]
    variables += [variable for state in states for variable in state]
    return list({id(variable): variable for variable in variables}.values())


def _random_state():
    seeds = global_seeds()
    return {
        "python": random.getstate(),
        "numpy": np.random.get_state(),
        "keras": None if seeds is None else seeds.state.numpy(),
    }


def _set_random_state(state):
    if state["keras"] is not None:
        global_seeds(create=True).state.assign(state["keras"])
    random.setstate(state["python"])  # last: a new generator draws its seed from here
    np.random.set_state(state["numpy"])
