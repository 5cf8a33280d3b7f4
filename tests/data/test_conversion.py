"""Conversion of the inputs that Keras's `fit` accepts to a dataset of images."""

import numpy as np
import pytest
import tensorflow as tf

from tl_keras.checks import InputError
from tl_keras.data.conversion import as_image_dataset
from tl_keras.data.dataset import ImageDataset


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (7, 6, 5, 3), dtype=np.uint8)


@pytest.fixture
def labels():
    return np.array([0, 1, 2, 0, 1, 2, 0])


def test_dataset_is_given_back_as_it_is(images, labels):
    dataset = ImageDataset.from_arrays(images, labels, split="all")
    assert as_image_dataset(dataset, split="train") is dataset


@pytest.mark.parametrize("pair", [tuple, list])
def test_pair_of_arrays_becomes_a_dataset(pair, images, labels):
    dataset = as_image_dataset(pair((images, labels)), split="val")
    assert dataset.split == "val"
    np.testing.assert_array_equal(dataset.images, images)
    np.testing.assert_array_equal(dataset.labels, labels)


def test_batches_of_tensorflow_are_joined_in_order(images, labels):
    batches = tf.data.Dataset.from_tensor_slices((images, labels)).batch(3)
    dataset = as_image_dataset(batches, split="train")
    np.testing.assert_array_equal(dataset.images, images)
    np.testing.assert_array_equal(dataset.labels, labels)


def test_one_hot_batches_become_class_numbers(images, labels):
    batches = tf.data.Dataset.from_tensor_slices((images, np.eye(3, dtype=np.float32)[labels]))
    dataset = as_image_dataset(batches.batch(4), split="train")
    np.testing.assert_array_equal(dataset.labels, labels)


def test_endless_batches_are_refused(images, labels):
    batches = tf.data.Dataset.from_tensor_slices((images, labels)).batch(3).repeat()
    with pytest.raises(InputError, match="received an endless one. Remove repeat"):
        as_image_dataset(batches, split="train")


def test_batches_without_labels_are_refused(images):
    batches = tf.data.Dataset.from_tensor_slices(images).batch(3)
    with pytest.raises(InputError, match="of .images, labels. batches; received elements"):
        as_image_dataset(batches, split="train")


def test_batches_of_nothing_are_refused(images, labels):
    batches = tf.data.Dataset.from_tensor_slices((images, labels)).batch(3).take(0)
    with pytest.raises(InputError, match="received an empty one"):
        as_image_dataset(batches, split="train")


@pytest.mark.parametrize("data", [None, "digits", (1,), 3, np.zeros((2, 4, 4, 3))])
def test_anything_else_is_refused_with_its_type(data):
    with pytest.raises(InputError, match=f"or a tf.data.Dataset; received {type(data).__name__}"):
        as_image_dataset(data, split="train")
