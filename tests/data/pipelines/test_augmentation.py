import numpy as np
import pytest
import tensorflow as tf

from tests.data.images import textured
from tl_keras.checks import InputError
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.pipelines import augmentation
from tl_keras.data.pipelines.augmentation import (
    AUGMENTATIONS,
    augment_images,
    luminance,
    random_numbers,
    resolve_augment,
)
from tl_keras.data.pipelines.augmentation_presets import PRESETS, Augmentation, resolve_strong
from tl_keras.data.pipelines.batches import build_pipeline

CHANGING = [name for name in AUGMENTATIONS if name != "none"]
IMAGES = np.stack([textured(seed, (16, 20)) for seed in range(8)]).astype(np.float32)


def augment(images, name, *, seed=0, epoch=0, indices=None):
    indices = np.arange(len(images)) if indices is None else indices
    return augment_images(
        tf.constant(images), name, seed=seed, epoch=epoch, indices=tf.constant(indices, tf.int64)
    ).numpy()


def test_none_changes_nothing():
    np.testing.assert_array_equal(augment(IMAGES, "none"), IMAGES)


@pytest.mark.parametrize("name", CHANGING)
def test_shape_type_and_range_are_kept(name):
    for images in (IMAGES, IMAGES[..., :1]):
        changed = augment(images, name)
        assert changed.shape == images.shape and changed.dtype == np.float32
        assert changed.min() >= 0 and changed.max() <= 255
        assert not np.array_equal(changed, images)


@pytest.mark.parametrize("name", CHANGING)
def test_an_image_is_changed_the_same_way_in_any_batch(name):
    rounding = {"rtol": 1e-6, "atol": 1e-4}  # the order of sums may depend on the batch
    whole = augment(IMAGES, name, seed=5, epoch=2)
    order = np.array([6, 1, 3])
    some = augment(IMAGES[order], name, seed=5, epoch=2, indices=order)
    np.testing.assert_allclose(some, whole[order], **rounding)
    for index in range(8):
        alone = augment(IMAGES[index : index + 1], name, seed=5, epoch=2, indices=[index])
        np.testing.assert_allclose(alone[0], whole[index], **rounding)


@pytest.mark.parametrize("name", CHANGING)
def test_seed_epoch_and_index_each_change_the_outcome(name):
    same = np.repeat(IMAGES[:1], 16, axis=0)
    first = augment(same, name)
    assert len(np.unique(first.reshape(16, -1), axis=0)) > 1
    assert not np.array_equal(augment(same, name, seed=1), first)
    assert not np.array_equal(augment(same, name, epoch=1), first)


def test_flipped_images_are_exact_mirror_images():
    changed = augment(IMAGES, "flip")
    mirrored = [np.array_equal(c, i[:, ::-1]) for c, i in zip(changed, IMAGES, strict=True)]
    kept = [np.array_equal(c, i) for c, i in zip(changed, IMAGES, strict=True)]
    assert all(m or k for m, k in zip(mirrored, kept, strict=True))
    assert any(mirrored) and any(kept)


def test_cifar_shifts_by_whole_pixels_and_reflects_at_the_border():
    image = textured(0, (32, 32)).astype(np.float32)
    padded = np.pad(image, ((4, 4), (4, 4), (0, 0)), mode="symmetric")
    windows = [padded[y : y + 32, x : x + 32] for y in range(9) for x in range(9)]
    allowed = np.stack(windows + [window[:, ::-1] for window in windows])
    for changed in augment(np.repeat(image[None], 20, axis=0), "cifar"):
        assert np.abs(allowed - changed).max(axis=(1, 2, 3)).min() < 1e-3


def test_digits_are_never_mirrored_and_stay_near_their_place():
    dot = np.zeros((200, 28, 28, 1), np.float32)
    dot[:, 13:15, 13:15] = 255  # the centre
    changed = augment(dot, "digits")[..., 0]
    total = changed.sum(axis=(1, 2))
    x = (changed.sum(axis=1) @ np.arange(28)) / total - 13.5
    # 8 % of 28 is 2.24 and shifts are whole pixels: at most 2 across and 2 down, turned by 12
    # degrees and enlarged by 1 / 0.9: (2 cos 12 + 2 sin 12) / 0.9 = 2.64
    assert 1.5 < np.abs(x).max() < 2.64
    assert not PRESETS["digits"].horizontal_flip


def test_sheared_rows_move_by_their_distance_from_the_centre(monkeypatch):
    monkeypatch.setitem(PRESETS, "flip", Augmentation(shear=0.3))
    ramp = np.broadcast_to(np.arange(40, dtype=np.float32)[None, None, :, None], (50, 40, 40, 1))
    moved = augment(np.ascontiguousarray(ramp), "flip")[:, :, 20, 0] - 20
    rows = np.arange(40) - 19.5
    slopes = moved[:, 30] / rows[30]
    np.testing.assert_allclose(moved[:, 10:31], slopes[:, None] * rows[10:31], atol=1e-3)
    assert 0.25 < np.abs(slopes).max() <= 0.3 and slopes.min() < 0 < slopes.max()


def test_a_cut_out_square_is_grey_and_all_else_stays(monkeypatch):
    monkeypatch.setitem(PRESETS, "flip", Augmentation(cutout=0.5))
    changed = augment(np.full((300, 20, 24, 1), 7, np.float32), "flip")[..., 0]
    assert set(np.unique(changed)) == {7, 127.5}
    hidden = changed == 127.5
    height, width = hidden.any(axis=2).sum(axis=1), hidden.any(axis=1).sum(axis=1)
    np.testing.assert_array_equal(hidden.sum(axis=(1, 2)), height * width)  # a rectangle
    assert height.max() == width.max() == 10
    assert hidden.any(axis=0).all()  # each place is hidden in some image


def test_new_uses_of_random_numbers_leave_the_older_ones_as_they_were():
    from tl_keras.data.pipelines import augmentation

    older = "flip area aspect crop_x crop_y rotation shift_x shift_y zoom brightness contrast"
    assert augmentation._USES[:12] == (*older.split(), "saturation")
    indices = tf.range(50, dtype=tf.int64)
    all_of_them = random_numbers(3, 7, indices, len(augmentation._USES))
    np.testing.assert_array_equal(all_of_them[:, :12], random_numbers(3, 7, indices, 12))


@pytest.mark.parametrize("weak", ["digits", "cifar", "photos"])
def test_strong_views_are_changed_more_than_weak_ones(weak):
    data = ImageDataset.from_arrays(IMAGES.astype(np.uint8))
    strong = resolve_strong("auto", weak, data)
    assert strong == f"{weak}-strong"
    assert resolve_strong("auto", "none", data) == "cifar-strong"
    assert resolve_strong("digits", weak, data) == "digits"
    images = np.repeat(IMAGES, 8, axis=0)
    by_weak, by_strong = (np.abs(augment(images, n) - images).mean() for n in (weak, strong))
    assert by_strong > 1.2 * by_weak


def test_photo_crops_keep_at_least_a_third_of_the_area():
    ramp = np.broadcast_to(np.arange(100, dtype=np.float32), (300, 100, 100))
    image = np.stack([ramp, ramp.swapaxes(1, 2), ramp], axis=-1)
    images = tf.constant(image)
    from tl_keras.data.pipelines import augmentation

    count = len(augmentation._USES)
    draws = tf.unstack(random_numbers(0, 0, tf.range(300, dtype=tf.int64), count), axis=1)
    named = dict(zip(augmentation._USES, draws, strict=True))
    moved = augmentation._transform(images, PRESETS["photos"], named).numpy()
    width = np.ptp(moved[:, 50, :, 0], axis=1) / 99
    height = np.ptp(moved[:, :, 50, 1], axis=1) / 99
    area = width * height
    assert 0.3 < area.min() < 0.45 and area.max() > 0.9
    ratio = width / height
    assert 1 / 1.25 < ratio.min() < 0.9 and 1.1 < ratio.max() < 1.25


def test_brightness_and_contrast_of_a_plain_photo_stay_in_range():
    plain = np.full((400, 4, 4, 3), 100, np.float32)
    # darkest: 100 * 0.8 * 1.2 - 127.5 * 0.2 = 70.5; brightest: 100 * 1.2 * 1.2 - 25.5 = 118.5,
    # but with less contrast 100 * 1.2 * 0.8 + 25.5 = 121.5
    means = augment(plain, "photos").mean(axis=(1, 2, 3))
    assert 70.5 < means.min() < 78 and 114 < means.max() < 121.5


def test_random_numbers_are_uniform_and_uncorrelated():
    numbers = random_numbers(3, 7, tf.range(20_000, dtype=tf.int64), 12).numpy()
    assert numbers.min() >= 0 and numbers.max() < 1
    # four standard errors: of the mean 0.289 / sqrt(20000), of a correlation 1 / sqrt(20000)
    np.testing.assert_allclose(numbers.mean(axis=0), 0.5, atol=0.0082)
    np.testing.assert_allclose(numbers.var(axis=0), 1 / 12, atol=0.0022)
    between_columns = np.corrcoef(numbers.T) - np.eye(12)
    assert np.abs(between_columns).max() < 0.03
    between_neighbours = np.corrcoef(numbers[:-1, 0], numbers[1:, 0])[0, 1]
    assert abs(between_neighbours) < 0.03
    counts = np.histogram(numbers, bins=100, range=(0, 1))[0]
    expected = numbers.size / 100
    assert ((counts - expected) ** 2 / expected).sum() < 170  # chi-squared, 99 degrees: p < 1e-5


@pytest.mark.parametrize("other", [(3, 8), (4, 7), (7, 3), (-3, 7)])
def test_random_numbers_of_other_seeds_and_epochs_are_unrelated(other):
    indices = tf.range(20_000, dtype=tf.int64)
    first = random_numbers(3, 7, indices, 1).numpy()[:, 0]
    second = random_numbers(*other, indices, 1).numpy()[:, 0]
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.03


def test_random_numbers_follow_the_published_hash():
    def mix(z):
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) % 2**64
        return z ^ (z >> 31)

    golden = 0x9E3779B97F4A7C15
    key = mix((mix((11 + golden) % 2**64) + 2) % 2**64)
    key = mix((key + 5) % 2**64)
    expected = [(mix((key + golden * (i + 1)) % 2**64) >> 40) / 2**24 for i in range(3)]
    found = random_numbers(11, 2, tf.constant([5], tf.int64), 3).numpy()[0]
    np.testing.assert_array_equal(found, np.float32(expected))


def test_luminance_weighs_green_most_and_keeps_gray():
    pixels = tf.constant([[[[200.0, 200.0, 200.0]]], [[[0.0, 100.0, 0.0]]]])
    np.testing.assert_allclose(luminance(pixels).numpy().ravel(), [200, 58.7], rtol=1e-6)


def test_auto_is_resolved_by_the_images(tmp_path):
    def array(*shape):
        return ImageDataset.from_arrays(np.zeros(shape, np.uint8))

    assert resolve_augment("auto", array(2, 28, 28)) == "digits"
    assert resolve_augment("auto", array(2, 300, 300, 1)) == "digits"
    assert resolve_augment("auto", array(2, 64, 64, 3)) == "cifar"
    assert resolve_augment("auto", array(2, 65, 64, 3)) == "photos"
    assert resolve_augment("flip", array(2, 28, 28)) == "flip"


def test_unknown_names_are_refused():
    with pytest.raises(InputError, match="augment to be one of photos.*received augment='photo'"):
        augment(IMAGES, "photo")
    with pytest.raises(InputError, match="augment to be one of"):
        resolve_augment("mixup", None)


def test_random_numbers_are_those_of_splitmix_inside_a_graph_too():
    """Cached views are made outside a graph, the images of a pipeline inside one."""

    def mix(x):
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            x = (x ^ (x >> shift)) * factor % 2**64
        return x ^ (x >> 31)

    golden = 0x9E3779B97F4A7C15
    key = mix(mix(3 + golden) + 7)  # of the seed and the epoch
    expected = [
        [(mix((mix((key + i) % 2**64) + golden * c) % 2**64) >> 40) * 2**-24 for c in (1, 2, 3)]
        for i in range(5)
    ]
    indices = tf.range(5, dtype=tf.int64)
    for draw in (random_numbers, tf.function(random_numbers)):
        np.testing.assert_array_equal(draw(3, tf.constant(7, tf.int64), indices, 3), expected)
    epochs = tf.fill([5], tf.constant(7, tf.int64))  # one for each image
    np.testing.assert_array_equal(random_numbers(3, epochs, indices, 3), expected)


def test_changes_are_traced_once_for_all_pipelines_of_a_shape(monkeypatch):
    traced, change = [], augmentation._change_images

    def counted(preset, *how):
        traced.append(preset)
        return change(preset, *how)

    monkeypatch.setattr(augmentation, "_change_images", counted)
    augmentation._traced.cache_clear()
    data = ImageDataset.from_arrays(np.zeros((4, 5, 7), np.uint8))
    how = {"image_size": (5, 7), "training": True, "augment": "flip"}
    for seed, batch_size in ((0, 2), (1, 2), (0, 3)):
        list(build_pipeline(data, batch_size, seed=seed, **how))
    assert len(traced) == 1
    augmentation._traced.cache_clear()
