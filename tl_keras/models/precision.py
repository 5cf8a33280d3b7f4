"""The number formats in which the networks of a model compute."""

import contextlib

import keras

from tl_keras.checks import check_choice

POLICIES = ("float32", "mixed_float16", "mixed_bfloat16")


@contextlib.contextmanager
def layers_in(policy):
    """Layers that are made inside compute as `policy` says.

    A model's `dtype` alone says nothing to the layers it makes: those take the global policy,
    which may be another one when the model is loaded.

    Args:
        policy: `keras.DTypePolicy`, that of the model.

    Raises:
        InputError: half precision without float32 weights, or another format.
    """
    check_choice("dtype", policy.name, POLICIES)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def scaling(optimizer, policy):
    """Returns `optimizer`, with float16 one that scales the loss, as Keras does with a model's own.

    Small gradients would be zero otherwise.
    """
    scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    if policy.name != "mixed_float16" or scaled:
        return optimizer
    return keras.optimizers.LossScaleOptimizer(optimizer)
