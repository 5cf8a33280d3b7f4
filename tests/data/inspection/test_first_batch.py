"""The first batch is checked when it is read."""

import os

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.data.images import save, textured
from tl_keras.checks import InputError
from tl_keras.data import dataset
from tl_keras.data.array_checks import check_pixels
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.inspection.first_batch import check_first_batch, input_errors
from tl_keras.evaluation.classifiers.prediction import predict_views
from tl_keras.evaluation.encoders.probes import features_of
from tl_keras.models.baselines.mlp import MLP
from tl_keras.training.whole.from_scratch import fit_from_scratch

DIM = np.linspace(0, 1, 6 * 4 * 4, dtype="float32").reshape(6, 4, 4)


def batches_of(*parts):
    return tf.data.Dataset.from_tensor_slices(parts if len(parts) > 1 else parts[0]).batch(2)


def test_what_passes_is_as_it_was():
    for parts in ((255 * DIM,), (255 * DIM, np.arange(6)), ((255 * DIM, 200 * DIM), np.arange(6))):
        batches = batches_of(*parts)
        checked = check_first_batch(batches, check_pixels)
        assert checked.element_spec == batches.element_spec
        assert checked.cardinality() == batches.cardinality()
        for before, after in zip(batches, checked, strict=True):
            tf.nest.assert_same_structure(before, after)
            for a, b in zip(tf.nest.flatten(before), tf.nest.flatten(after), strict=True):
                np.testing.assert_array_equal(a, b)


def test_a_source_that_can_be_read_once_is_read_once():
    rows = iter(255 * DIM)
    once = tf.data.Dataset.from_generator(lambda: rows, output_signature=tf.TensorSpec((4, 4)))
    checked = check_first_batch(once.batch(2), check_pixels)
    np.testing.assert_array_equal(np.concatenate(list(checked.as_numpy_iterator())), 255 * DIM)


def test_the_first_batch_alone_is_looked_at_and_once():
    looks = []
    checked = check_first_batch(batches_of(255 * DIM, np.arange(6)), looks.append)
    for _ in range(2):
        list(checked)
    np.testing.assert_array_equal(looks, [255 * DIM[:2]])


def test_an_error_in_it_is_the_input_error_in_one_line():
    with pytest.raises(InputError) as raised, input_errors():
        list(check_first_batch(batches_of(DIM), check_pixels))
    message = str(raised.value)
    assert message.startswith("Expected pixels of x from 0 to 255; received float32 values from 0")
    assert message.endswith("If they are scaled to 0-1, multiply by 255.") and "\n" not in message


def test_another_error_stays_what_it_is():
    wrong = tf.data.Dataset.range(3).map(lambda i: tf.ensure_shape(tf.range(i), [1]))
    with pytest.raises(tf.errors.InvalidArgumentError), input_errors():
        list(wrong)


@pytest.mark.fault(13)
def test_file_that_vanishes_while_batches_are_read_is_named_where_they_are_used(
    tmp_path, monkeypatch
):
    """Without room to keep its images: each epoch reads the files again."""
    monkeypatch.setattr(dataset, "place_for", lambda *_: None)
    paths = [save(tmp_path / f"{i}.png", textured(i, (16, 16))) for i in range(8)]
    images = ImageDataset(tuple(paths), np.arange(8) % 2, ("a", "b"))
    network = MLP(2, hidden_units=(4,))
    network.build((None, 16, 16, 3))
    lose = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, _: os.remove(paths[epoch]))
    with pytest.raises(InputError, match=rf"image; received {tmp_path}/\d.png: the file does"):
        fit_from_scratch(network, images, images, epochs=9, batch_size=4, callbacks=[lose])
    with pytest.raises(InputError, match=rf"readable image; received {paths[0]}: the file does"):
        predict_views(network, images.pipeline(4, image_size=(16, 16)))
    with pytest.raises(InputError, match=rf"readable image; received {paths[0]}: the file does"):
        features_of(images.pipeline(4, image_size=(16, 16)), lambda batch: batch)
