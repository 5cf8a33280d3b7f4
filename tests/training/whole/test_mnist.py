"""Accuracies of the baselines on MNIST, in the folder that TL_KERAS_DATA names.

Settings were chosen on a validation part of the training images; test is only measured here.
"""

import keras
import numpy as np
import pytest

from tests.real_data import load_mnist, needs
from tl_keras import CNN, MLP, RNN, fit_from_scratch

pytestmark = needs("mnist.npz")


@pytest.fixture(scope="module")
def mnist():
    return load_mnist()


def accuracy(model, dataset):
    return model.evaluate(dataset.images, dataset.labels, verbose=0, return_dict=True)["accuracy"]


def of_classes(dataset, digits):
    """The images of `digits`, numbered from 0."""
    chosen = np.isin(dataset.labels, digits)
    return dataset.images[chosen], dataset.labels[chosen] - digits[0]


@pytest.mark.parametrize(
    ("build", "settings", "bar"),
    [
        (lambda: MLP(10, (512, 512), 0.2), {"epochs": 20}, 0.984),
        (lambda: CNN(10, "small"), {"epochs": 12}, 0.9925),
        (lambda: RNN(10, "lstm", 128), {"epochs": 10, "lr": 3e-3}, 0.985),
    ],
    ids=["mlp", "cnn", "lstm"],
)
def test_test_accuracy_reaches_the_published_one(mnist, build, settings, bar):
    keras.utils.set_random_seed(0)
    model = build()
    history = fit_from_scratch(model, mnist.train, mnist.val, **settings)
    reached = accuracy(model, mnist.test)
    print(f"{reached:.4f} in {history.seconds['total']:.0f} s")  # noqa: T201 - the figure asked for
    assert reached >= bar


def test_convolutions_learned_on_0_to_4_tell_5_to_9_apart(mnist):
    keras.utils.set_random_seed(0)
    low, high = range(5), range(5, 10)
    source = CNN(5, "small")
    fit_from_scratch(
        source, of_classes(mnist.train, low), of_classes(mnist.val, low), epochs=12, lr=2e-3
    )
    target = source.for_classes(5)
    for layer in target.convolutions:
        layer.trainable = False
    history = fit_from_scratch(
        target,
        of_classes(mnist.train, high),
        of_classes(mnist.val, high),
        epochs=5,
        batch_size=32,
        lr=2e-3,
    )
    images, labels = of_classes(mnist.test, high)
    reached = target.evaluate(images, labels, verbose=0, return_dict=True)["accuracy"]
    print(f"{reached:.4f} in {history.seconds['total']:.0f} s")  # noqa: T201
    for mine, its in zip(target.convolutions, source.convolutions, strict=True):
        np.testing.assert_array_equal(mine.kernel, its.kernel)
    assert reached >= 0.992
