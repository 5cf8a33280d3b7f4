"""Estimated memory of a training step, by which a batch size is chosen."""

import dataclasses
import math
from pathlib import Path

import keras

from tl_keras.models.keras_private import is_functional

BUDGET = 2**31  # bytes of a step, of which half of the free memory may leave less
_FLOAT = 4  # bytes
_AT_ONCE = 3  # outputs of the largest size beside what is kept: input, output, a gradient
_CHANNELS = 64  # at the size of the image, for a model without a graph to look at
_MEMINFO = Path("/proc/meminfo")
_STATUS = Path("/proc/self/status")
_CGROUP = Path("/sys/fs/cgroup")


@dataclasses.dataclass(frozen=True)
class ImageCost:
    """Bytes of memory that a model takes for each image of a batch.

    Attributes:
        passing: in inference mode.
        training: in training mode, with the outputs that the gradients need.
        itself: of the pixels.
    """

    passing: int
    training: int
    itself: int


def image_cost(model: keras.Model) -> ImageCost:
    """Estimates the `ImageCost` of a built model from the outputs of its layers.

    Outputs are kept from the lowest layer that trains upwards. A model without a graph, such as
    `CNN`, counts as one layer of 64 channels at the size of the image, in which nothing is
    frozen.
    """
    pixels = math.prod(model.input_shape[1:])
    outputs = [(output_size(layer), bool(layer.trainable_weights)) for layer in _leaves(model)] or [
        (_CHANNELS * pixels, True)
    ]
    sizes = [size for size, _ in outputs]
    lowest = next((row for row, (_, trains) in enumerate(outputs) if trains), len(outputs))
    passing = _AT_ONCE * max(sizes)
    return ImageCost(_FLOAT * passing, _FLOAT * (passing + sum(sizes[lowest:])), _FLOAT * pixels)


def free_memory() -> int | None:
    """Returns the bytes that the system and its control group leave free; None if unknown."""
    free = []
    if _MEMINFO.is_file():
        lines = dict(line.split(":", 1) for line in _MEMINFO.read_text().splitlines())
        if "MemAvailable" in lines:
            free.append(1024 * int(lines["MemAvailable"].split()[0]))
    limit, used = _CGROUP / "memory.max", _CGROUP / "memory.current"
    if limit.is_file() and limit.read_text().strip() != "max":
        free.append(int(limit.read_text()) - int(used.read_text()))
    return min(free, default=None)


def resident_memory() -> int | None:
    """Returns the bytes of memory that this process takes now; None if unknown."""
    lines = _STATUS.read_text().splitlines() if _STATUS.is_file() else ()
    found = [int(line.split()[1]) for line in lines if line.startswith("VmRSS:")]
    return 1024 * found[0] if found else None


def step_budget(free: int | None) -> int:
    """Returns the bytes that a step may take: half of what is free, `BUDGET` at most.

    Args:
        free: of `free_memory`.
    """
    return BUDGET if free is None else min(BUDGET, free // 2)


def _leaves(model):
    """The layers of a Functional or Sequential model in order, those of nested models too."""
    if is_functional(model) or isinstance(model, keras.Sequential):
        for layer in model.layers:
            yield from _leaves(layer) if isinstance(layer, keras.Model) else [layer]


def output_size(layer: keras.Layer) -> int:
    """Returns the number of values that a layer computes for each image."""
    outputs = keras.tree.flatten(layer.output)
    return sum(math.prod(side or 1 for side in output.shape[1:]) for output in outputs)
