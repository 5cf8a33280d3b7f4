"""Batches of labelled and unlabelled images depend on (seed, epoch, place) and omit none."""

import numpy as np
import tensorflow as tf

from tl_keras.data.dataset import ImageDataset
from tl_keras.data.pipelines.augmentation import augment_images
from tl_keras.data.pipelines.unlabelled_views import build_unlabelled_views, slots

LABELLED, UNLABELLED, RATIO = 3, 13, 3


def marked(count, first):
    """Images of one distinct colour each."""
    images = np.broadcast_to(np.arange(first, first + count)[:, None, None], (count, 8, 8))
    return ImageDataset.from_arrays(images.astype(np.uint8), np.arange(count) % 5)


def batches(batch_size=4, *, weak="none", strong="flip", unlabelled=True, **how):
    taught, untaught = marked(LABELLED, 0), marked(UNLABELLED, 100)
    return build_unlabelled_views(
        taught,
        untaught if unlabelled else None,
        batch_size,
        size=slots(LABELLED, UNLABELLED, RATIO),
        ratio=RATIO,
        image_size=(8, 8),
        channels=1,
        weak=weak,
        strong=strong,
        **{"seed": 3} | how,
    )


def shown(part):
    """The colours of images (..., 8, 8, 1), as a flat array."""
    return np.asarray(part)[..., 0, 0, 0].ravel().astype(int)


def epochs(count, **how):
    """For each epoch the colours of the labelled, the weak and the strong, and the labels."""
    data = batches(**how)
    for _ in range(count):
        parts = [(*map(shown, (x["images"], x["weak"], x["strong"])), y) for x, y in data]
        yield [np.concatenate(part) for part in zip(*parts, strict=True)]


def test_an_epoch_is_as_long_as_the_longer_of_the_two():
    assert slots(100, 59_900, 7) == 8557
    assert slots(5000, 700, 7) == 5000


def test_images_of_each_kind_are_used_as_often_as_any_other():
    """An epoch has 4 places and 12 unlabelled ones: in 39 epochs all have had their turn."""
    taught, untaught = np.zeros(LABELLED, int), np.zeros(UNLABELLED, int)
    for inputs, labels in batches(repeat=True).take(39):
        colours, weak = shown(inputs["images"]), shown(inputs["weak"])
        np.testing.assert_array_equal(colours, labels)
        assert len(set(weak)) == len(weak) == 12  # none twice in an epoch
        taught += np.bincount(colours, minlength=LABELLED)
        untaught += np.bincount(weak - 100, minlength=UNLABELLED)
    assert np.ptp(taught) == 0 and np.ptp(untaught) == 0


def test_both_views_are_of_the_same_image_and_its_hidden_label_goes_with_it():
    for inputs, _ in batches():
        np.testing.assert_array_equal(shown(inputs["weak"]), shown(inputs["strong"]))
        hidden = np.ravel(inputs["hidden"])
        np.testing.assert_array_equal((shown(inputs["weak"]) - 100) % 5, hidden)


def test_views_of_an_image_and_uses_of_a_labelled_one_are_changed_differently():
    images = np.random.default_rng(0).integers(0, 256, (1, 12, 12), np.uint8)
    one = ImageDataset.from_arrays(images, [0])
    data = build_unlabelled_views(
        one,
        one,
        8,
        size=8,
        ratio=2,
        image_size=(12, 12),
        channels=1,
        weak="digits",
        strong="digits",
        seed=0,
    )
    inputs, _ = next(iter(data))
    views = np.concatenate(
        [np.reshape(part, (-1, 144)) for part in inputs.values() if part.ndim > 2]
    )
    assert len(np.unique(views, axis=0)) == 8 + 16 + 16


def test_a_labelled_image_is_changed_by_its_place_in_the_epoch():
    first = next(iter(batches(weak="digits")))[0]["images"]
    order = next(iter(batches()))[0]["images"]
    places = tf.random.experimental.stateless_shuffle(tf.range(4, dtype=tf.int64), seed=[3, 0])
    expected = augment_images(order, "digits", seed=3, epoch=0, indices=places)
    np.testing.assert_array_equal(first, expected)


def test_a_run_that_begins_later_sees_the_later_epochs():
    whole = list(epochs(4, strong="digits"))
    for later, expected in zip(epochs(2, strong="digits", first_epoch=2), whole[2:], strict=True):
        for one, other in zip(later, expected, strict=True):
            np.testing.assert_array_equal(one, other)


def test_without_end_it_is_the_same_epochs():
    endless = batches(repeat=True).take(3)
    colours = np.concatenate([shown(inputs["weak"]) for inputs, _ in endless])
    apart = np.concatenate([weak for _, weak, _, _ in epochs(3)])
    np.testing.assert_array_equal(colours, apart)


def test_labelled_images_are_the_same_without_unlabelled_ones():
    alone = batches(unlabelled=False, weak="digits")
    for (images, y), (inputs, labels) in zip(alone, batches(weak="digits"), strict=True):
        np.testing.assert_array_equal(images, inputs["images"])
        np.testing.assert_array_equal(y, labels)
