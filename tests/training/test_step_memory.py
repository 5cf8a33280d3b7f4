"""Memory of a step: closed forms for tiny networks."""

import resource

import keras
import pytest

from tests.training.small_models import small_classifier
from tl_keras import MLP
from tl_keras.checks import InputError
from tl_keras.training import step_memory
from tl_keras.training.frozen.freezing import apply_unfreeze, freeze
from tl_keras.training.step_memory import (
    BUDGET,
    free_memory,
    image_cost,
    step_budget,
    within_memory,
)

PIXELS = 16 * 16 * 3
MAP = 8 * 8 * 6  # of every layer from the stem on
LARGEST = 4 * 3 * PIXELS


def test_outputs_are_kept_from_the_lowest_layer_that_trains():
    model = small_classifier(head="linear")
    head = 6 + 6 + 3  # pooled, dropout, classes
    apply_unfreeze(model, "all")
    assert image_cost(model).training == LARGEST + 4 * (11 * MAP + head)
    apply_unfreeze(model, "from:high_conv")
    assert image_cost(model).training == LARGEST + 4 * (5 * MAP + head)
    freeze(model)
    cost = image_cost(model)
    assert (cost.training, cost.passing, cost.itself) == (LARGEST + 4 * 3, LARGEST, 4 * PIXELS)


def test_nothing_is_kept_of_a_sequential_model_that_is_frozen():
    model = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten()])
    model.trainable = False
    assert image_cost(model).training == image_cost(model).passing == 4 * 3 * 16


def test_a_model_without_a_graph_counts_as_many_channels_at_full_size():
    model = MLP(3, (8,))
    model.build((None, 8, 8, 1))
    assert image_cost(model).passing == 4 * 3 * 64 * 64
    assert image_cost(model).training == 4 * 4 * 64 * 64


def test_a_step_may_take_half_of_what_is_free_and_never_more_than_the_budget():
    assert step_budget(None) == step_budget(100 * BUDGET) == BUDGET
    assert step_budget(BUDGET) == BUDGET // 2
    assert free_memory() is None or free_memory() > 0


def test_limit_of_the_address_space_counts_as_memory(monkeypatch):
    used = step_memory._of_process("VmSize")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (used + 5_000_000, used + 5_000_000))
    assert free_memory() < 10_000_000


@pytest.mark.fault(41)
def test_network_that_memory_cannot_hold_is_refused_before_it_is_made(monkeypatch):
    monkeypatch.setattr(step_memory, "free_memory", lambda: 10_000)
    with within_memory():
        keras.layers.Dense(10).build((1, 10))
    with pytest.raises(InputError, match="free memory"), within_memory(copies=40):
        keras.layers.Dense(10).build((1, 10))
    message = "fits into the 0.0 GB of free memory; received layers that take 4398.0 GB or more"
    with pytest.raises(InputError, match=message), within_memory():
        keras.layers.Dense(2**20).build((1, 2**20))
