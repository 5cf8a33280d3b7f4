"""The smallest weights are the ones that go, exactly as many as asked."""

import keras
import numpy as np
import pytest

from tests.training.small_models import small_classifier
from tl_keras import CNN, InputError
from tl_keras.training.whole.magnitudes import magnitude_masks, prunable_kernels, weight_figures

KERNELS = [
    np.random.default_rng(seed).normal(scale=scale, size=shape).astype("float32")
    for seed, (shape, scale) in enumerate([((3, 3, 2, 4), 1.0), ((30, 7), 0.1), ((7, 5), 0.5)])
]


def slow_masks(kernels, sparsity):
    """One weight after another, the smallest first."""
    order = sorted(
        (abs(float(value)), number, place)
        for number, kernel in enumerate(kernels)
        for place, value in np.ndenumerate(kernel)
    )
    masks = [np.ones(kernel.shape, bool) for kernel in kernels]
    for _, number, place in order[: round(sparsity * len(order))]:
        masks[number][place] = False
    return masks


@pytest.mark.parametrize("sparsity", [0.001, 0.1, 0.5, 0.8, 0.9, 0.999])
def test_masks_equal_a_slow_computation(sparsity):
    for fast, slow in zip(
        magnitude_masks(KERNELS, sparsity), slow_masks(KERNELS, sparsity), strict=True
    ):
        np.testing.assert_array_equal(fast, slow)
    for kernel, mask in zip(KERNELS, magnitude_masks(KERNELS, sparsity, "layer"), strict=True):
        np.testing.assert_array_equal(mask, slow_masks([kernel], sparsity)[0])


def test_equal_weights_are_not_taken_beyond_the_number_asked():
    masks = magnitude_masks([np.ones((5, 5)), np.ones(15)], 0.3)
    assert sum((~mask).sum() for mask in masks) == 12


def test_kernels_of_a_classifier_are_found_in_order_without_the_last():
    image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, name="conv")(image)
    x = keras.layers.DepthwiseConv2D(3, name="depth")(x)
    x = keras.layers.SeparableConv2D(5, 3, name="split")(x)
    x = keras.layers.BatchNormalization()(x)
    inner = keras.Sequential([keras.Input((2, 2, 5)), keras.layers.Flatten()], name="inner")
    inner.add(keras.layers.Dense(6, name="dense"))
    model = keras.Model(image, keras.layers.Dense(3, name="last")(inner(x)))

    shapes = [tuple(kernel.shape) for kernel in prunable_kernels(model)]
    assert shapes == [(3, 3, 3, 4), (1, 1, 4, 5), (20, 6)]
    assert tuple(prunable_kernels(model, ("last",))[-1].shape) == (6, 3)
    assert [tuple(k.shape) for k in prunable_kernels(model, ("depthwise",))] == [
        (3, 3, 3, 4), (3, 3, 4, 1), (1, 1, 4, 5), (3, 3, 4, 1), (20, 6),
    ]  # fmt: skip


def test_kernels_of_the_projects_own_models_are_found():
    model = CNN(3, "small")
    model.build((None, 8, 8, 3))
    paths = [kernel.path for kernel in prunable_kernels(model)]
    assert [path.split("/")[-2] for path in paths] == ["conv_1", "conv_2", "dense_1"]
    names = [kernel.path.split("/")[-2] for kernel in prunable_kernels(small_classifier())]
    assert names == ["stem", "low_conv", "high_conv", "head_dense"]


def test_a_model_with_nothing_to_prune_is_refused():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)], name="tiny")
    with pytest.raises(InputError, match="below its last layer; received 'tiny' without. also="):
        prunable_kernels(model)
    assert len(prunable_kernels(model, ("last",))) == 1


def test_zeros_are_counted_and_make_the_compressed_weights_smaller():
    model = small_classifier()
    full = weight_figures(model)
    assert full["weights"] == model.count_params()
    kernel = model.get_layer("small").get_layer("stem").kernel
    kernel.assign(np.zeros(kernel.shape))
    figures = weight_figures(model)
    assert figures["zeros"] - full["zeros"] == 3 * 3 * 3 * 6
    assert figures["gzip_bytes"] < full["gzip_bytes"]
