"""Number formats in which the networks of a model compute."""

import contextlib
from collections.abc import Iterator

import keras

from tl_keras.checks import check_choice
from tl_keras.models.keras_private import all_layers

POLICIES = ("float32", "mixed_float16", "mixed_bfloat16")


@contextlib.contextmanager
def layers_in(policy: keras.DTypePolicy) -> Iterator[None]:
    """Context manager in which new layers compute according to `policy`.

    The `dtype` of a model does not affect the layers it creates. Those follow the global policy,
    which may be different when the model is loaded.

    Args:
        policy: `keras.DTypePolicy` of the model.

    Raises:
        InputError: the policy is half precision without float32 weights, or another format.
    """
    check_choice("dtype", policy.name, POLICIES)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def compute_in(model: keras.Model, policy: keras.DTypePolicy, *, output: bool = False) -> None:
    """Lets the layers of a loaded model compute according to `policy`; weights stay as they are.

    Args:
        policy: one of `POLICIES`.
        output: whether the last layer changes too; probabilities need float32.

    Raises:
        InputError: it is another format.
    """
    check_choice("dtype", policy.name, POLICIES)
    layers = all_layers(model)
    for layer in layers if output else layers[:-1]:
        if layer.dtype_policy.name in POLICIES:  # others, such as quantized ones, keep theirs
            layer.dtype_policy = policy


def scaling(
    optimizer: keras.optimizers.Optimizer, policy: keras.DTypePolicy
) -> keras.optimizers.Optimizer:
    """Returns `optimizer`; with float16, wrapped so that it scales the loss, as in Keras.

    Without scaling, small gradients would become zero.
    """
    scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    if policy.name != "mixed_float16" or scaled:
        return optimizer
    return keras.optimizers.LossScaleOptimizer(optimizer)
