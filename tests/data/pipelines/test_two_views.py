"""Two random views of each image, and the presets that make them."""

import colorsys

import numpy as np
import pytest
import tensorflow as tf

from tests.data.images import textured
from tl_keras.checks import InputError
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.pipelines.augmentation import LUMINANCE, _hue_rotation, change_images
from tl_keras.data.pipelines.augmentation_presets import VIEWS, Augmentation
from tl_keras.data.pipelines.two_views import add_views, resolve_views, two_view_batches, two_views

COLOURED = np.stack([textured(seed, (16, 16)) for seed in range(12)])
GREY = COLOURED[..., 0]


def views_of(images, name, *, seed=0, epoch=0, indices=None):
    indices = np.arange(len(images)) if indices is None else indices
    images = tf.constant(images, tf.float32)
    views = two_views(images, name, seed=seed, epoch=epoch, indices=tf.constant(indices, tf.int64))
    return [view.numpy() for view in views]


@pytest.mark.parametrize("name", VIEWS)
def test_two_views_differ_from_each_other_and_from_the_image(name):
    first, second = views_of(COLOURED, name)
    for view in (first, second):
        assert view.shape == COLOURED.shape and 0 <= view.min() <= view.max() <= 255
        assert (np.abs(view - COLOURED).max(axis=(1, 2, 3)) > 1).all()
    assert (np.abs(first - second).max(axis=(1, 2, 3)) > 1).all()


@pytest.mark.parametrize("name", VIEWS)
def test_views_depend_on_seed_epoch_and_index_alone(name):
    whole = views_of(COLOURED, name, seed=5, epoch=2)
    order = np.array([6, 1, 3])
    part = views_of(COLOURED[order], name, seed=5, epoch=2, indices=order)
    for view, of_part in zip(whole, part, strict=True):
        np.testing.assert_array_equal(view[order], of_part)
    for other in ({"seed": 6, "epoch": 2}, {"seed": 5, "epoch": 3}):
        for view, of_other in zip(whole, views_of(COLOURED, name, **other), strict=True):
            assert not np.array_equal(view, of_other)
    # Neither view of an epoch is one of the next.
    assert not np.array_equal(whole[1], views_of(COLOURED, name, seed=5, epoch=3)[0])


def test_views_of_digits_are_not_mirrored_and_keep_their_grey():
    assert not VIEWS["digits"].horizontal_flip
    for colour in ("brightness", "contrast", "saturation", "hue", "grayscale"):
        assert getattr(VIEWS["digits"], colour) == 0
    plain = np.full((40, 16, 16, 1), 130)
    for view in views_of(plain, "digits"):
        np.testing.assert_allclose(view, 130, atol=1e-3)


@pytest.mark.parametrize("name", ["cifar", "photos"])
def test_views_of_colour_images_are_mirrored_cropped_and_lose_colour(name):
    ramp = np.zeros((400, 16, 16, 3)) + np.arange(16)[:, None] * [4, 6, 2] + [100, 80, 60]
    view, _ = views_of(ramp, name)
    assert 0.4 < np.mean(view[:, 8, -1, 1] < view[:, 8, 0, 1]) < 0.6
    gray = np.ptp(view, axis=-1).max(axis=(1, 2)) < 1e-2
    assert 0.14 < gray.mean() < 0.26
    gain = np.abs(view[gray][:, 8, -1, 1] - view[gray][:, 8, 0, 1]).mean()
    assert gain < 0.9 * 15 * np.dot(LUMINANCE, [4, 6, 2])  # part of the image is seen


def change(images, preset, count=None):
    images = tf.constant(images, tf.float32)
    indices = tf.range(len(images), dtype=tf.int64)
    return change_images(images, preset, seed=1, epoch=0, indices=indices).numpy()


def test_jitter_leaves_the_others_as_they_are():
    changed = change(np.full((1000, 2, 2, 3), 100), Augmentation(brightness=0.4, jitter=0.8))
    assert 0.75 < np.mean(np.abs(changed - 100).max(axis=(1, 2, 3)) > 1e-3) < 0.85


def test_a_turn_of_the_hue_goes_from_red_to_green_and_keeps_grey_and_sum():
    third = _hue_rotation(tf.constant([[[1 / 3]]]))[0].numpy()
    np.testing.assert_allclose(np.array([200, 0, 0]) @ third, [0, 200, 0], atol=1e-4)
    turn = _hue_rotation(tf.constant([[[0.07]]]))[0].numpy()
    np.testing.assert_allclose(np.array([9, 9, 9]) @ turn, 9, rtol=1e-5)
    colour = np.array([180.0, 120.0, 60.0])
    turned = colour @ turn
    np.testing.assert_allclose(turned.sum(), colour.sum(), rtol=1e-5)
    hues = [colorsys.rgb_to_hsv(*(c / 255))[0] for c in (colour, turned)]
    assert 0.05 < hues[1] - hues[0] < 0.09


def test_shear_moves_rows_sideways_in_proportion_to_their_height():
    images = np.zeros((60, 17, 17, 1))
    images[:, :, 8] = 255  # an upright line
    leaning = change(images, Augmentation(shear=0.4))[..., 0]
    places = (leaning @ np.arange(17)) / leaning.sum(-1)
    slopes = (places[:, 12] - places[:, 4]) / 8
    np.testing.assert_allclose(places[:, 8], 8, atol=1e-3)
    assert 0.3 < np.abs(slopes).max() < 0.42 and slopes.min() < -0.3 and slopes.max() > 0.3


@pytest.mark.parametrize(
    ("gray", "size", "name"),
    [(True, (300, 300), "digits"), (False, (64, 64), "cifar"), (False, (64, 65), "photos")],
)
def test_auto_is_resolved_by_what_the_network_sees(gray, size, name):
    assert resolve_views("auto", is_grayscale=gray, image_size=size) == name
    assert resolve_views("photos", is_grayscale=gray, image_size=size) == "photos"


@pytest.mark.parametrize("images", [GREY, COLOURED], ids=["grey", "coloured"])
def test_batches_are_those_of_two_views_of_the_gathered_images(images):
    data = ImageDataset.from_arrays(images, np.arange(12) % 4)
    batches = two_view_batches(data, 5, image_size=(16, 16), seed=3)
    name = "digits" if images.ndim == 3 else "cifar"
    with_channels = images.reshape(12, 16, 16, -1)
    for epoch in range(2):
        seen = list(batches)
        assert [len(labels) for _, labels in seen] == [5, 5]
        for (first, second), labels in seen:
            expected = views_of(with_channels, name, seed=3, epoch=epoch)
            for view, whole in zip((first.numpy(), second.numpy()), expected, strict=True):
                distance = np.abs(view[:, None] - whole[None]).max(axis=(2, 3, 4))
                found = distance.argmin(axis=1)
                assert (distance.min(axis=1) < 1e-3).all()
                np.testing.assert_array_equal(labels, found % 4)


def test_held_out_views_are_in_order_and_the_same_in_each_epoch():
    data = ImageDataset.from_arrays(COLOURED)
    batches = two_view_batches(data, 12, image_size=(16, 16), training=False)
    (one,), (two,) = (next(iter(batches)) for _ in range(2))
    expected = views_of(COLOURED, "cifar", epoch=-1)
    for a, b, whole in zip(one, two, expected, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_allclose(a, whole, atol=1e-3)


def test_views_of_somebodys_batches_differ_from_epoch_to_epoch_and_batch_to_batch():
    same = np.repeat(COLOURED[:1], 8, axis=0)
    batches = tf.data.Dataset.from_tensor_slices((same, np.arange(8))).batch(4)
    viewed = add_views(batches)
    epochs = [np.concatenate([np.stack(views) for views, _ in viewed], axis=1) for _ in range(2)]
    assert len(viewed) == 2
    assert len(np.unique(np.concatenate(epochs).reshape(32, -1), axis=0)) == 32
    held_out = add_views(batches, training=False)
    for (a, _), (b, _) in zip(held_out, held_out, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch_size": 1}, "batch_size to be an integer >= 2; received batch_size=1"),
        ({"batch_size": 13}, "at least 13 images, one batch; received 12"),
        ({"augment": "none"}, "augment to be one of .*digits, cifar, photos"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(arguments, message):
    data = ImageDataset.from_arrays(COLOURED)
    with pytest.raises(InputError, match=message):
        two_view_batches(data, **{"batch_size": 4, "image_size": (16, 16), **arguments})
