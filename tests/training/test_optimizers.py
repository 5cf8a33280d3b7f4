"""Learning rates by depth, and schedules."""

import keras
import numpy as np
import pytest

from tests.training.small_models import small_backbone
from tl_keras import InputError
from tl_keras.training.optimizers import build_optimizer, build_schedule, depth_factors


@pytest.mark.parametrize("name", ["adam", "sgd", "rmsprop"])
def test_a_factor_scales_the_step_of_its_variable_alone(name):
    start, gradient = np.float32([1.0, -2.0]), np.float32([0.5, 0.25])
    slow, fast = keras.Variable(start, name="slow"), keras.Variable(start, name="fast")
    optimizer = build_optimizer(name, 0.01, rate_factors={slow.path: 0.1})
    optimizer.build([slow, fast])
    for _ in range(3):
        optimizer.apply([gradient, gradient])
    slow_step, fast_step = np.asarray(slow) - start, np.asarray(fast) - start
    np.testing.assert_allclose(slow_step, 0.1 * fast_step, rtol=1e-4)
    assert np.abs(fast_step).min() > 0


def test_factors_fall_geometrically_with_depth():
    backbone = small_backbone()
    factors = depth_factors(backbone, 0.5, 0.01)
    by_layer = [factors[layer.weights[0].path] for layer in backbone.layers if layer.weights]
    np.testing.assert_allclose(by_layer, 0.5 * 0.01 ** np.linspace(1, 0, 5))


def test_without_decay_every_layer_has_the_top_factor():
    assert set(depth_factors(small_backbone(), 0.3, 1.0).values()) == {0.3}


def test_cosine_rises_over_the_warm_up_and_ends_at_zero():
    rate = build_schedule("cosine", 0.2, total_steps=100)
    values = [float(rate(step)) for step in range(101)]
    assert values[0] == 0
    assert values[5] == pytest.approx(0.1)
    assert max(values) == pytest.approx(0.2) == values[10]
    assert values[55] == pytest.approx(0.1)
    assert values[100] == pytest.approx(0, abs=1e-8)


def test_one_cycle_rises_from_a_25th_and_falls_to_a_ten_thousandth():
    rate = build_schedule("one-cycle", 0.5, total_steps=100)
    values = [float(rate(step)) for step in range(101)]
    assert values[0] == pytest.approx(0.5 / 25)
    assert values[15] == pytest.approx((0.5 / 25 + 0.5) / 2)
    assert max(values) == pytest.approx(0.5) == values[30]
    assert values[65] == pytest.approx(0.5 * (1 + 1e-4) / 2)
    assert values[100] == pytest.approx(0.5e-4)


@pytest.mark.parametrize("name", ["cosine", "one-cycle"])
def test_schedules_come_back_from_their_configuration(name):
    rate = build_schedule(name, 0.5, total_steps=40)
    saved = keras.optimizers.schedules.serialize(rate)
    again = keras.optimizers.schedules.deserialize(saved)
    assert [float(again(step)) for step in range(41)] == [float(rate(step)) for step in range(41)]


def test_constant_is_the_rate_itself():
    assert build_schedule("constant", 0.5, total_steps=40) == 0.5


def test_weight_decay_spares_biases_and_normalisation():
    optimizer = build_optimizer("adam", 0.1, weight_decay=0.5)
    kernel, bias = keras.Variable([1.0], name="kernel"), keras.Variable([1.0], name="bias")
    optimizer.build([kernel, bias])
    optimizer.apply([np.zeros(1, "float32"), np.zeros(1, "float32")])
    assert float(kernel[0]) == pytest.approx(0.95)
    assert float(bias[0]) == 1.0


def test_decay_goes_with_the_rate_of_each_variable():
    slow, fast = (keras.Variable([1.0], name=name) for name in ("slow", "fast"))
    optimizer = build_optimizer("adam", 0.1, weight_decay=0.5, rate_factors={slow.path: 1e-3})
    optimizer.build([slow, fast])
    optimizer.apply([np.zeros(1, "float32"), np.zeros(1, "float32")])
    assert 1 - float(slow[0]) == pytest.approx(1e-3 * 0.1 * 0.5, rel=1e-2)
    assert 1 - float(fast[0]) == pytest.approx(0.1 * 0.5, rel=1e-5)


def adamw(weights, gradients, *, rate, decay):
    """AdamW step by step in float64, as Loshchilov and Hutter 2019 write it."""
    weights, first, second = weights.astype("float64"), 0.0, 0.0
    for step, gradient in enumerate(gradients, start=1):
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        weights = weights - rate * decay * weights
        corrected = first / (1 - 0.9**step), second / (1 - 0.999**step)
        weights = weights - rate * corrected[0] / (np.sqrt(corrected[1]) + 1e-7)
    return weights


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("factor", [None, 1.0, 0.03])
def test_steps_equal_adamw_with_the_rate_of_the_variable(factor, masked):
    rng = np.random.default_rng(0)
    start, gradients = rng.normal(size=4), rng.normal(size=(5, 4))
    kernel = keras.Variable(start, name="kernel")
    optimizer = build_optimizer(
        "adam",
        0.02,
        weight_decay=3.0,
        rate_factors=factor and {kernel.path: factor},
        masked=(kernel,) if masked else (),
    )
    optimizer.build([kernel])
    if masked:
        optimizer.mask_of(kernel).assign([1.0, 0.0, 1.0, 1.0])
    for gradient in gradients:
        optimizer.apply([gradient.astype("float32")])
    expected = adamw(start, gradients, rate=0.02 * (factor or 1.0), decay=3.0)
    if masked:
        expected[1] = 0.0
    np.testing.assert_allclose(np.asarray(kernel), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("factors", [None, {"of the head": 1.0}])
@pytest.mark.parametrize(("clip_norm", "kept"), [(None, 1.0), (0.5, 0.1), (6.0, 1.0)])
def test_the_gradient_of_all_variables_together_is_scaled_to_the_norm(clip_norm, kept, factors):
    variables = [keras.Variable([0.0, 0.0]), keras.Variable([0.0])]
    optimizer = build_optimizer("sgd", 1.0, clip_norm=clip_norm, rate_factors=factors)
    optimizer.apply([np.float32([3.0, 0.0]), np.float32([4.0])], variables)  # norm 5
    step = -np.concatenate([np.asarray(variable) for variable in variables])
    first = 1.9  # the first step of Nesterov's momentum, in gradients
    np.testing.assert_allclose(step, first * kept * np.float32([3, 0, 4]), rtol=1e-5)


def test_a_layer_named_like_a_bias_decays_all_the_same():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, name="beta_dense")])
    kernel, bias = model.trainable_variables
    bias.assign([1.0])
    before = float(kernel[0, 0])
    optimizer = build_optimizer("adam", 0.1, weight_decay=0.5)
    optimizer.build([kernel, bias])
    optimizer.apply([np.zeros((1, 1), "float32"), np.zeros(1, "float32")])
    assert float(kernel[0, 0]) == pytest.approx(0.95 * before)
    assert float(bias[0]) == 1.0


def test_unknown_optimizer_lists_what_there_is():
    with pytest.raises(InputError, match="one of adam, sgd, rmsprop; received optimizer='adamw2'"):
        build_optimizer("adamw2", 0.1)
