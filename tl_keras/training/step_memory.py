"""Estimated memory of a training step, by which a batch size is chosen."""

import contextlib
import dataclasses
import math
import resource
from collections.abc import Iterator
from pathlib import Path

import keras

from tl_keras.checks import InputError
from tl_keras.models.keras_private import is_functional
from tl_keras.models.saving.variable_limit import limit_variables

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
    """Returns the bytes that are free by system, control group and `ulimit -v`; None if unknown."""
    free = []
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY and _STATUS.is_file():
        free.append(max(limit - _of_process("VmSize"), 0))
    if _MEMINFO.is_file():
        lines = dict(line.split(":", 1) for line in _MEMINFO.read_text().splitlines())
        if "MemAvailable" in lines:
            free.append(1024 * int(lines["MemAvailable"].split()[0]))
    limit, used = _CGROUP / "memory.max", _CGROUP / "memory.current"
    if limit.is_file() and limit.read_text().strip() != "max":
        free.append(int(limit.read_text()) - int(used.read_text()))
    return min(free, default=None)


@contextlib.contextmanager
def within_memory(copies: int = 1) -> Iterator[None]:
    """Refuses a model built in the block, before it takes memory, if its weights cannot fit.

    Args:
        copies: numbers for each weight. Training with Adam takes 4: gradient and two moments too.

    Raises:
        InputError: the weights, so many times, are larger than the free memory.
    """
    free = free_memory()

    def refusal(asked):
        return InputError(
            f"Expected a network that fits into the {free / 1e9:.1f} GB of free memory; received "
            f"layers that take {copies * asked / 1e9:.1f} GB or more. Choose fewer units, a "
            "smaller image size or another backbone."
        )

    with contextlib.nullcontext() if free is None else limit_variables(free // copies, refusal):
        yield


def resident_memory() -> int | None:
    """Returns the bytes of memory that this process takes now; None if unknown."""
    return _of_process("VmRSS") if _STATUS.is_file() else None


def _of_process(name):
    """Returns the bytes after a name in /proc/self/status; None if it is not there."""
    lines = _STATUS.read_text().splitlines()
    found = [int(line.split()[1]) for line in lines if line.startswith(f"{name}:")]
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
