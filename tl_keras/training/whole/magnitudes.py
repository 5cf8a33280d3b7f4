"""Prunable kernels, masks of their smallest weights, and sizes of a model."""

import gzip
from collections.abc import Sequence

import keras
import numpy as np
from keras import layers

from tl_keras.checks import InputError
from tl_keras.models.keras_private import all_layers

_CONVOLUTIONS = (
    *(layers.Conv1D, layers.Conv2D, layers.Conv3D),
    *(layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose),
)
# Kind of kernel -> (layers, attribute) that have it.
_KERNELS = {
    "plain": [
        ((layers.Dense, layers.EinsumDense, *_CONVOLUTIONS), "kernel"),
        ((layers.SeparableConv1D, layers.SeparableConv2D), "pointwise_kernel"),
    ],
    "depthwise": [
        ((layers.DepthwiseConv1D, layers.DepthwiseConv2D), "kernel"),
        ((layers.SeparableConv1D, layers.SeparableConv2D), "depthwise_kernel"),
    ],
}


def prunable_kernels(model: keras.Model, also: Sequence[str] = ()) -> list[keras.Variable]:
    """Returns the kernels of Dense and convolution layers, from input to output.

    Biases and normalisation are never among them: they are few and each carries a whole channel.
    For the same reason depthwise kernels (nine weights a channel) and the last layer, whose
    outputs are the classes, are left out unless they are named.

    Args:
        also: of "depthwise" and "last".

    Returns:
        list of variables.

    Raises:
        InputError: there are none.
    """
    found = [
        (kind, getattr(layer, attribute))
        for layer in _leaves(model, set())
        for kind, places in _KERNELS.items()
        for classes, attribute in places
        if isinstance(layer, classes)
    ]
    if "last" not in also:
        found = found[:-1]
    kernels = [kernel for kind, kernel in found if kind == "plain" or kind in also]
    if not kernels:
        raise InputError(
            "Expected a model with Dense or convolution kernels below its last layer; received "
            f"{model.name!r} without. also=('last',) prunes the last layer too."
        )
    return kernels


def magnitude_masks(
    kernels: Sequence[np.ndarray], sparsity: float, scope: str = "global"
) -> list[np.ndarray]:
    """Returns the mask of each kernel, which keeps all weights but the smallest.

    Args:
        sparsity: share of the weights to take, rounded to the nearest whole number of weights.
        scope: "global": the smallest of all kernels together; "layer": the same share of each.

    Returns:
        list of bool arrays of the shapes of `kernels`.
    """
    if scope == "layer":
        return [mask for kernel in kernels for mask in magnitude_masks([kernel], sparsity)]
    magnitudes = np.concatenate([np.abs(kernel).ravel() for kernel in kernels])
    count = round(sparsity * magnitudes.size)
    keep = np.ones(magnitudes.size, bool)
    if count:
        keep[np.argpartition(magnitudes, count - 1)[:count]] = False
    pieces = np.split(keep, np.cumsum([kernel.size for kernel in kernels])[:-1])
    return [p.reshape(kernel.shape) for p, kernel in zip(pieces, kernels, strict=True)]


def weight_figures(model: keras.Model) -> dict[str, int]:
    """Returns {"weights", "zeros", "gzip_bytes"}: their numbers, and their compressed size.

    Compressed are the bytes of the weights as in a file, float32 one after another. A saved model
    has a compiled optimizer's state beside them.
    """
    values = model.get_weights()
    return {
        "weights": sum(value.size for value in values),
        "zeros": sum(int(np.sum(value == 0)) for value in values),
        "gzip_bytes": len(gzip.compress(b"".join(value.tobytes() for value in values), mtime=0)),
    }


def _leaves(layer, seen):
    """The layers without layers inside, from input to output, each once."""
    inner = all_layers(layer, include_self=False, recursive=False)
    if not inner and id(layer) not in seen:
        seen.add(id(layer))
        yield layer
    for part in inner:
        yield from _leaves(part, seen)
