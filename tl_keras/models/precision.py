"""Number formats in which the networks of a model compute."""

import contextlib
from collections.abc import Iterator

import keras

from tl_keras.checks import check_choice

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
