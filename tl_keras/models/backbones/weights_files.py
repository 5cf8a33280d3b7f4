"""Strict reading of weights files: everything fits or nothing is loaded."""

import contextlib
import tempfile
from pathlib import Path

import h5py
import keras
import numpy as np

from tl_keras.checks import InputError
from tl_keras.models.answers.answering_model import classifier_of
from tl_keras.models.saving.finite_weights import check_finite
from tl_keras.models.saving.hdf5_safety import check_hdf5
from tl_keras.models.saving.saved_models import load_model
from tl_keras.models.weights import finalize

_MOST_TOP_LAYERS = 4


def load_weights(model: keras.Model, path: str | Path) -> None:
    """Loads a weights file into a base, completely or not at all.

    Args:
        model: Functional model without a top.
        path: str or Path of a `.weights.h5` file, a `.h5` file of earlier Keras (without its top,
            if any), or a `.keras` file (from a classifier, its backbone).

    Raises:
        InputError: the file is missing, damaged, unsafe or of another architecture. The message
            names the first layer that differs and both shapes. `model` is unchanged.
    """
    path = Path(path)
    if path.suffix == ".keras":
        layers, arrays = _arrays_of_model(model, load_model(path), path)
        _assign(layers, [layer.weights for layer in layers], arrays, path)
        return
    if path.suffix != ".h5":
        raise InputError(
            f"Expected a weights file ending in .weights.h5, .h5 or .keras; received {path}."
        )
    check_hdf5(path)
    with h5py.File(path, "r") as file:
        group = file.get("model_weights", file)
        if "layer_names" in group.attrs:
            layers = [layer for layer in model.layers if layer.weights]
            with _one_line_errors(path):
                arrays = _arrays_of_legacy_group(layers, group, path)
            _assign(layers, [_legacy_order(layer) for layer in layers], arrays, path)
            return
    _load_keras3(model, path)


def _assign(layers, variables, arrays, path):
    """Sets the variables of each layer from arrays already read and checked."""
    for layer, values in zip(layers, arrays, strict=True):
        check_finite(layer.name, values, path)
    for of_layer, values in zip(variables, arrays, strict=True):
        for variable, value in zip(of_layer, values, strict=True):
            variable.assign(value)
    finalize(layers)


@contextlib.contextmanager
def _one_line_errors(path):
    """Turns any error of the readers on a damaged file into one line."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(
            f"Expected a whole weights file; received {path}: {reason}. Nothing was loaded."
        ) from error


def _legacy_order(layer):
    return [*layer.trainable_weights, *layer.non_trainable_weights]


def _misfit(path, layer, expected, received):
    return InputError(
        f"Expected weights of shape {expected} for layer {layer!r}; received {received} in "
        f"{path}. Nothing was loaded. Choose the backbone that the file was made for."
    )


def _check_shapes(path, layer, expected, received):
    expected, received = [tuple(s) for s in expected], [tuple(s) for s in received]
    if len(expected) != len(received):
        raise _misfit(path, layer, expected, received)
    for wanted, got in zip(expected, received, strict=True):
        if wanted != got:
            raise _misfit(path, layer, wanted, got)


def _names(group, attribute):
    """Reads a list of names; long ones are split over `attribute0`, `attribute1`, …"""
    if attribute in group.attrs:
        chunks = [group.attrs[attribute]]
    else:
        chunks = []
        while f"{attribute}{len(chunks)}" in group.attrs:
            chunks.append(group.attrs[f"{attribute}{len(chunks)}"])
    return [n.decode() if isinstance(n, bytes) else str(n) for chunk in chunks for n in chunk]


def _arrays_of_legacy_group(layers, group, path):
    """Matches layers in order, as Keras does, and returns their arrays."""
    stored = [(name, _names(group[name], "weight_names")) for name in _names(group, "layer_names")]
    stored = [(name, weights) for name, weights in stored if weights]
    for layer, (name, weights) in zip(layers, stored, strict=False):
        expected = [weight.shape for weight in _legacy_order(layer)]
        _check_shapes(path, layer.name, expected, [group[name][w].shape for w in weights])
    _check_count(path, [layer.name for layer in layers], [name for name, _ in stored])
    kept = stored[: len(layers)]
    return [[np.asarray(group[name][weight]) for weight in weights] for name, weights in kept]


def _check_count(path, expected, received):
    if 0 <= len(received) - len(expected) <= _MOST_TOP_LAYERS:
        return
    if len(received) < len(expected):
        layer, lacking = expected[len(received)], "is not in the file"
    else:
        layer, lacking = received[len(expected)], "is not in the backbone"
    raise InputError(
        f"Expected {len(expected)} layers with weights; received {len(received)} in {path}: "
        f"layer {layer!r} {lacking}. Nothing was loaded. "
        "Choose the backbone that the file was made for."
    )


def _arrays_of_model(model, other, path):
    """Matches the layers of two models in order; returns those of `model` and their arrays."""
    other = classifier_of(other)
    nested = [layer for layer in other.layers if isinstance(layer, keras.Model)]
    other = nested[0] if len(nested) == 1 else other
    layers = [layer for layer in model.layers if layer.weights]
    stored = [layer for layer in other.layers if layer.weights]
    for layer, kept in zip(layers, stored, strict=False):
        shapes = [[weight.shape for weight in one.weights] for one in (layer, kept)]
        _check_shapes(path, layer.name, *shapes)
    _check_count(path, [layer.name for layer in layers], [layer.name for layer in stored])
    return layers, [layer.get_weights() for layer in stored[: len(layers)]]


def _load_keras3(model, path):
    """Compares the file with one that `model` itself would write, then lets Keras load it."""
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder) / "own.weights.h5"
        model.save_weights(own)
        expected, received = _datasets(own), _datasets(path)
    order = {layer.name: position for position, layer in enumerate(model.layers)}
    # The file is sorted by class; the message names the first misfit in the order of the model.
    for name in sorted(expected, key=lambda name: order.get(expected[name][0], len(order))):
        layer, shape = expected[name]
        if name not in received or received[name][1] != shape:
            raise _misfit(path, layer, shape, received.get(name, (None, "nothing"))[1])
    extra = sorted({name.split("/vars/")[0] for name in received.keys() - expected.keys()})
    if len(extra) > _MOST_TOP_LAYERS:
        raise _misfit(path, extra[0], "nothing", f"{len(extra)} layers more")
    with h5py.File(path, "r") as file:
        for name, (layer, _) in expected.items():
            check_finite(layer, [file[name][()]], path)
    before = model.get_weights()
    with _one_line_errors(path):
        try:
            model.load_weights(path)
        except Exception:
            model.set_weights(before)
            finalize(model.layers)
            raise


def _datasets(path):
    """Returns {dataset: (name of the layer, shape)} of all arrays that belong to layers."""
    found = {}

    def visit(name, item):
        if isinstance(item, h5py.Dataset) and not name.startswith("optimizer"):
            found[name] = str(item.parent.attrs.get("name", item.parent.name)), item.shape

    with h5py.File(path, "r") as file:
        file.visititems(visit)
    return found
