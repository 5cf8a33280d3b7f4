"""Figures of the models without labels on MNIST, in the folder that TL_KERAS_DATA names."""

import keras
import numpy as np
import pytest

from tests.real_data import load_mnist, needs
from tl_keras import Autoencoder, fit_without_labels

pytestmark = needs("mnist.npz")


@pytest.fixture(scope="module")
def mnist():
    return load_mnist()


def _pca_error(train, test, components):
    """Test mean squared error of the best linear code, on a scale from 0 to 1."""
    train, test = (images.reshape(len(images), -1) / 255.0 for images in (train, test))
    mean = train.mean(0)
    _, vectors = np.linalg.eigh(np.cov(train.T))
    directions = vectors[:, -components:]
    centred = test - mean
    return np.mean((centred - centred @ directions @ directions.T) ** 2)


def test_an_autoencoder_of_32_numbers_is_better_than_pca_of_32(mnist):
    keras.utils.set_random_seed(0)
    model = Autoencoder((28, 28), 32)  # 784-64-32-32
    fit_without_labels(model, mnist.train, epochs=20, lr=2e-3)
    error = model.reconstruction_error(mnist.test.images).mean()
    linear = _pca_error(mnist.train.images, mnist.test.images, 32)
    print(f"autoencoder {error:.5f}, PCA {linear:.5f}")  # noqa: T201 - the figures asked for
    assert error < linear
