import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.data.images import save, textured
from tl_keras.checks import InputError
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.images import ImageReadError
from tl_keras.data.pipelines.batches import build_pipeline, index_batches
from tl_keras.data.pipelines.position import Position, starting_at

X = np.arange(10 * 4 * 4 * 3, dtype=np.uint32).astype(np.uint8).reshape(10, 4, 4, 3)
Y = np.arange(10) % 2
DATASET = ImageDataset.from_arrays(X, Y)
SIZE = (4, 4)


def order(batches):
    return [index for _, indices in batches for index in indices.numpy().tolist()]


def labels_of_epochs(pipeline, count):
    return [np.concatenate([y for _, y in pipeline]).tolist() for _ in range(count)]


def test_without_shuffle_indices_come_in_order():
    batches = index_batches(5, 2, seed=0, shuffle=False)
    assert [(int(e), i.numpy().tolist()) for e, i in batches] == [
        (0, [0, 1]),
        (0, [2, 3]),
        (0, [4]),
    ]
    assert batches.cardinality() == 3
    assert batches.element_spec[0] == tf.TensorSpec((), tf.int64)
    assert batches.element_spec[1].dtype == tf.int64


def test_each_epoch_is_a_permutation_fixed_by_seed_and_epoch():
    endless = index_batches(7, 3, seed=4, shuffle=True, repeat=True)
    assert endless.cardinality() == tf.data.INFINITE_CARDINALITY
    epochs = [(int(e), i.numpy().tolist()) for e, i in endless.take(9)]
    assert [epoch for epoch, _ in epochs] == [0] * 3 + [1] * 3 + [2] * 3
    permutations = [sum((i for e, i in epochs if e == number), []) for number in range(3)]
    assert all(sorted(p) == list(range(7)) for p in permutations)
    assert permutations[0] != permutations[1] != permutations[2]
    expected = tf.random.experimental.stateless_shuffle(tf.range(7), seed=(4, 2)).numpy()
    assert permutations[2] == expected.tolist()
    later = index_batches(7, 3, seed=4, shuffle=True, first_epoch=2)
    assert order(later) == permutations[2]


def test_each_iteration_is_the_next_epoch_whatever_the_global_seed():
    first = index_batches(20, 6, seed=1, shuffle=True)
    epochs = [order(first) for _ in range(3)]
    assert epochs[0] != epochs[1] != epochs[2]
    keras.utils.set_random_seed(99)
    second = index_batches(20, 6, seed=1, shuffle=True)
    assert [order(second) for _ in range(3)] == epochs
    assert order(index_batches(20, 6, seed=2, shuffle=True)) != epochs[0]


def test_the_remainder_is_dropped_on_request_only():
    batches = index_batches(7, 3, seed=0, shuffle=True, drop_remainder=True)
    assert [len(i) for _, i in batches] == [3, 3] and batches.cardinality() == 2


@pytest.mark.fault(21)
def test_fewer_images_than_a_batch_work_unless_the_remainder_is_dropped():
    assert order(index_batches(2, 8, seed=0, shuffle=False)) == [0, 1]
    with pytest.raises(InputError, match="at least 8 images, one batch; received 2. Use a small"):
        index_batches(2, 8, seed=0, shuffle=False, drop_remainder=True)


def test_prediction_keeps_order_and_drops_nothing():
    pipeline = DATASET.pipeline(4, image_size=SIZE, augment="photos")
    assert pipeline.cardinality() == 3
    images = np.concatenate([x for x, _ in pipeline])
    np.testing.assert_array_equal(images, X.astype(np.float32))
    assert labels_of_epochs(pipeline, 2) == [Y.tolist()] * 2


def test_shapes_and_types_are_known_before_the_first_batch():
    for channels in (1, 3):
        images, labels = DATASET.pipeline(
            4, image_size=(6, 5), training=True, augment="cifar", channels=channels
        ).element_spec
        assert images == tf.TensorSpec((None, 6, 5, channels), tf.float32)
        assert labels == tf.TensorSpec((None,), tf.int32)


def test_without_labels_there_are_images_alone():
    pipeline = ImageDataset.from_arrays(X).pipeline(4, image_size=SIZE, training=True)
    assert next(iter(pipeline)).shape == (4, 4, 4, 3)


def test_training_is_the_same_for_the_same_seed_and_new_in_each_epoch():
    def epochs(seed):
        pipeline = DATASET.pipeline(4, image_size=SIZE, training=True, seed=seed, augment="photos")
        return [np.concatenate([x for x, _ in pipeline]) for _ in range(2)]

    first = epochs(1)
    np.testing.assert_array_equal(first, epochs(1))
    assert not np.array_equal(*first)
    assert not np.array_equal(first[0], epochs(2)[0])


def test_the_batch_size_changes_neither_order_nor_images():
    def epoch(batch_size):
        pipeline = DATASET.pipeline(batch_size, image_size=SIZE, training=True, augment="cifar")
        return np.concatenate([x for x, _ in pipeline])

    np.testing.assert_array_equal(epoch(3), epoch(10))


def test_a_resumed_pipeline_goes_on_with_the_same_images():
    def batches(first_epoch, count):
        pipeline = build_pipeline(
            DATASET,
            5,
            image_size=SIZE,
            training=True,
            augment="photos",
            first_epoch=first_epoch,
            repeat=True,
        )
        return [x.numpy() for x, _ in pipeline.take(count)]

    np.testing.assert_array_equal(batches(0, 6)[4:], batches(2, 2))


def test_one_channel_is_luminance_and_exact_for_gray():
    gray = ImageDataset.from_arrays(X[..., 0])
    images = next(iter(gray.pipeline(10, image_size=SIZE, channels=1)))
    np.testing.assert_array_equal(images[..., 0], X[..., 0])
    images, _ = next(iter(DATASET.pipeline(10, image_size=SIZE, channels=1)))
    expected = X @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(images[..., 0], expected, rtol=1e-5)


def test_it_feeds_fit_evaluate_and_predict():
    seen = []

    class Recorder(keras.layers.Layer):
        def call(self, x):
            tf.py_function(lambda v: seen.append(v.numpy()), [x[:, 0, 0, 0]], [])
            return x

    model = keras.Sequential([keras.Input((4, 4, 3)), Recorder(), keras.layers.Flatten()])
    model.add(keras.layers.Dense(2, activation="softmax"))
    model.compile("sgd", "sparse_categorical_crossentropy", jit_compile=False)
    train = DATASET.pipeline(4, image_size=SIZE, training=True)
    model.fit(train, epochs=3, verbose=0, shuffle=False)
    epochs = np.concatenate(seen).reshape(3, 10)
    assert all(sorted(epoch) == sorted(X[:, 0, 0, 0]) for epoch in epochs)
    assert not np.array_equal(epochs[0], epochs[1]) and not np.array_equal(epochs[1], epochs[2])
    model.evaluate(DATASET.pipeline(4, image_size=SIZE), verbose=0)
    assert model.predict(DATASET.pipeline(4, image_size=SIZE), verbose=0).shape == (10, 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 0}, "batch_size to be an integer >= 1; received batch_size=0"),
        ({"batch_size": 2.5}, "batch_size to be an integer"),
        ({"augment": "photo", "training": True}, "augment to be one of photos, "),
        ({"augment": "photo"}, "augment to be one of photos, "),
        ({"channels": 4}, "channels to be one of 1, 3"),
        ({"image_size": 4}, "image_size to be"),
        ({"seed": "a"}, "seed to be an integer"),
    ],
)
def test_arguments_are_checked(change, message):
    arguments = {"batch_size": 4, "image_size": SIZE} | change
    with pytest.raises(InputError, match=message):
        DATASET.pipeline(**arguments)


@pytest.mark.fault(13)
def test_a_file_that_disappeared_after_the_check_is_named(tmp_path):
    paths = [save(tmp_path / f"{i}.png", textured(i)) for i in range(3)]
    dataset = ImageDataset(tuple(paths))
    os.remove(paths[1])
    with pytest.raises(ImageReadError, match=rf"{paths[1]}: the file does not exist"):
        dataset.pipeline(2, image_size=SIZE)


_TWO_REPLICAS = """
import numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
import keras
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.pipelines.batches import build_pipeline
x = np.random.default_rng(0).integers(0, 256, (12, 4, 4, 3), dtype=np.uint8)
data = ImageDataset.from_arrays(x, np.arange(12) % 2)
def weights(strategy):
    keras.utils.set_random_seed(0)
    with strategy.scope():
        layers = [keras.Input((4, 4, 3)), keras.layers.Rescaling(1 / 255), keras.layers.Flatten()]
        model = keras.Sequential([*layers, keras.layers.Dense(2, activation="softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy", jit_compile=False)
    settings = dict(image_size=(4, 4), training=True, augment="photos")
    endless = build_pipeline(data, 4, repeat=True, **settings)
    model.fit(endless, epochs=2, steps_per_epoch=3, verbose=0, shuffle=False)
    weights = model.get_weights()
    model.fit(data.pipeline(4, **settings), epochs=2, verbose=0, shuffle=False)
    return weights
one = weights(tf.distribute.get_strategy())
two = weights(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]))
for a, b in zip(one, two):
    np.testing.assert_allclose(a, b, atol=1e-5)
print("equal")
"""


@pytest.mark.slow
def test_one_replica_and_two_end_with_the_same_weights():
    done = subprocess.run(
        [sys.executable, "-c", _TWO_REPLICAS], capture_output=True, text=True, timeout=300
    )
    assert done.stdout.strip().endswith("equal"), done.stderr[-2000:]


@pytest.mark.parametrize("repeat", [True, False])
def test_resumed_pipeline_begins_at_the_batch_where_it_was_stopped(repeat):
    def build():
        return index_batches(7, 2, seed=4, shuffle=True, repeat=repeat, first_epoch=3)

    def numbers(batches, count):
        return [(int(epoch), rows.numpy().tolist()) for epoch, rows in batches.take(count)]

    one = build()
    whole = [batch for _ in range(3) for batch in numbers(one, 4)] if not repeat else None
    whole = whole or numbers(one, 12)
    with starting_at(Position(epochs=1, step=3, batches=7)):
        batches = build()
        unshuffled = index_batches(7, 2, seed=4, shuffle=False)
    left = 5 if repeat else 1  # single epochs end with the one that was begun
    assert numbers(batches, left) == whole[7 : 7 + left]
    assert repeat or int(batches.cardinality()) == 1
    assert len(numbers(unshuffled, 9)) == 4
    assert numbers(build(), 2) == whole[:2]
