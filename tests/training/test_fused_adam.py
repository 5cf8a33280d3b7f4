"""The fused update is Keras's Adam."""

import keras
import numpy as np
import pytest

from tl_keras.training.fused_adam import FusedAdam
from tl_keras.training.optimizers import build_schedule

X = np.random.default_rng(0).normal(size=(64, 6)).astype("float32")
Y = np.arange(64) % 3


def trained(optimizer):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(3, "softmax")]
    )
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    model.compile(optimizer, "sparse_categorical_crossentropy")
    optimizer.build(model.trainable_variables)  # built within `fit` it is traced twice
    model.fit(X, Y, batch_size=16, epochs=5, shuffle=False, verbose=0)
    return model


@pytest.mark.parametrize(
    "arguments",
    [
        {"learning_rate": 0.01},
        {"learning_rate": 0.01, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 0.1},
        {"learning_rate": 0.01, "weight_decay": 0.1},
        {"learning_rate": build_schedule("cosine", 0.02, 20)},
        {"learning_rate": 0.01, "global_clipnorm": 0.1},
    ],
    ids=["plain", "constants", "decay", "schedule", "clipping"],
)
def test_weights_and_moments_equal_those_of_keras(arguments):
    fused, plain = trained(FusedAdam(**arguments)), trained(keras.optimizers.Adam(**arguments))
    for mine, its in zip(fused.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-4, atol=1e-6)
    for mine, its in zip(fused.optimizer.variables, plain.optimizer.variables, strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-3, atol=1e-6)


def test_half_precision_compute_keeps_float32_weights():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3, dtype="mixed_bfloat16")])
    model.compile(FusedAdam(0.1), "mse")
    model.fit(X, np.eye(3)[Y], verbose=0)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
