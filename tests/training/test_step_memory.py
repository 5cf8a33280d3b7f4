"""Memory of a step: closed forms for tiny networks."""

import keras

from tests.training.small_models import small_classifier
from tl_keras import MLP
from tl_keras.training.frozen.freezing import apply_unfreeze, freeze
from tl_keras.training.step_memory import BUDGET, free_memory, image_cost, step_budget

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
