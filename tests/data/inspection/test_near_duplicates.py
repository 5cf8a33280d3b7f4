"""Copies are found among many images, different images are not, and memory is bounded."""

import tracemalloc

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from tests.data.changed_copies import as_jpeg, kinds, on_page
from tests.data.images import textured
from tl_keras.data.inspection import near_duplicates
from tl_keras.data.inspection.fingerprints import looks_of
from tl_keras.data.inspection.near_duplicates import MOST_COPIES, low_frequencies, near_pairs

RANDOM = np.random.default_rng(0)


def scene(seed):
    """An image of 32 x 32 pixels with large and small shapes."""
    sizes = np.random.default_rng(seed).normal(size=(32, 32, 3)), textured(seed, (32, 32))
    small = gaussian_filter(sizes[0], (1, 1, 0)) * 150
    return np.clip(0.5 * sizes[1] + 60 + small, 0, 255).astype(np.uint8)


def thumbnails(images):
    return np.stack([looks_of(image)[0] for image in images])


def looks(images):
    """Thumbnails and colours of images."""
    return (np.stack(parts) for parts in zip(*map(looks_of, images), strict=True))


def digit(seed, size=28):
    """White strokes on black, different for each seed."""
    random = np.random.default_rng(seed)
    image = np.zeros((size, size), np.uint8)
    row, column = random.integers(6, size - 6, 2)
    for _ in range(40):
        step = random.integers(-2, 3, 2)
        row, column = np.clip([row + step[0], column + step[1]], 4, size - 6)
        image[row : row + 2, column : column + 2] = 255
    return image


@pytest.mark.parametrize("kind", list(kinds(RANDOM)))
def test_changed_copies_are_found_and_nothing_else(kind):
    random = np.random.default_rng(1)
    images = [scene(seed) for seed in range(60)]
    change = kinds(random)[kind]
    known, known_colours = looks(images)
    copies, colours = looks([change(image) for image in images[:30]])
    pairs, ratios = near_pairs(known, copies, colours=(known_colours, colours))
    right = {(row, row) for row in range(30)}
    found = set(map(tuple, pairs.tolist()))
    assert found <= right
    assert len(found) >= 28
    assert (ratios <= 1).all()


def test_pairs_within_a_set_come_once_the_smaller_row_first():
    images = [scene(seed) for seed in range(40)]
    images += [as_jpeg(images[7], 70), as_jpeg(images[3], 70), images[3], images[9][:, ::-1].copy()]
    known, colours = looks(images)
    pairs, _ = near_pairs(known, colours=[colours])
    assert pairs.tolist() == [[3, 41], [3, 42], [7, 40], [9, 43], [41, 42]]


def test_order_of_two_sets_does_not_matter():
    one = thumbnails([scene(seed) for seed in range(50)])
    other = thumbnails([as_jpeg(scene(seed), 70) for seed in (4, 9)])
    assert near_pairs(one, other)[0].tolist() == [[4, 0], [9, 1]]
    assert near_pairs(other, one)[0].tolist() == [[0, 4], [1, 9]]


def test_brightness_and_contrast_do_not_matter_however_faint():
    images = [scene(seed) for seed in range(10)]
    faint = [(120 + image * 0.08).astype(np.uint8) for image in images]
    pairs, _ = near_pairs(thumbnails(images), thumbnails(faint))
    assert pairs.tolist() == [[row, row] for row in range(10)]


def test_strokes_on_a_wide_page_are_told_apart_and_their_copies_found():
    pages = [on_page(digit(seed)) for seed in range(60)]
    assert len(near_pairs(thumbnails(pages))[0]) <= 2  # of 1,770
    copies = [as_jpeg(on_page(digit(seed), at=(97, 154)), 70) for seed in range(20)]
    pairs = near_pairs(thumbnails(pages), thumbnails(copies))[0]
    assert sum(a == b for a, b in pairs) >= 18


def test_thirty_copies_of_an_image_are_all_found():
    images = [as_jpeg(scene(0), quality) for quality in range(65, 95)]
    pairs, _ = near_pairs(thumbnails(images + [scene(seed) for seed in range(1, 91)]))
    assert pairs.tolist() == [[a, b] for a in range(30) for b in range(a + 1, 30)]


def test_alike_colours_speak_for_a_noisy_copy_and_others_against_it():
    random = np.random.default_rng(0)
    images = [scene(seed) for seed in range(120)]
    noisy = [image + random.normal(0, 15, (32, 32, 1)) for image in images[:20]]
    known, known_colours = looks(images)
    asked, colours = looks([np.clip(image, 0, 255).astype(np.uint8) for image in noisy])
    found = near_pairs(known, asked, colours=(known_colours, colours))[0]
    assert found.tolist() == [[row, row] for row in range(20)]
    assert near_pairs(asked, known, colours=(colours, known_colours))[0].tolist() == found.tolist()
    assert len(near_pairs(known, asked, colours=(known_colours, colours[::-1]))[0]) == 0
    assert len(near_pairs(known, asked)[0]) < 10


def test_mirror_images_without_colours_are_not_taken_for_copies():
    images = [np.repeat(scene(seed)[..., :1], 3, axis=2) for seed in range(60)]
    known, known_colours = looks(images)
    asked, colours = looks([image[:, ::-1].copy() for image in images[:20]])
    assert len(near_pairs(known, asked, colours=(known_colours, colours))[0]) == 0
    assert len(near_pairs(known, asked)[0]) == 0


def test_memory_and_pairs_are_bounded_where_all_images_are_nearly_the_same(monkeypatch):
    monkeypatch.setattr(near_duplicates, "_AT_ONCE", 200)
    images = np.tile(looks_of(scene(0))[0], (200, 1, 1))
    images[:, 0, 0] = np.arange(200)
    tracemalloc.start()
    pairs, _ = near_pairs(images)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 0 < len(pairs) <= MOST_COPIES * 200  # of 19,900
    assert peak < 40e6


def test_low_frequencies_have_length_one_and_no_mean():
    images = thumbnails([scene(seed) for seed in range(5)])
    rows = low_frequencies(images)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-5)
    brighter = np.clip(images.astype(int) // 2 + 60, 0, 255).astype(np.uint8)
    np.testing.assert_allclose(low_frequencies(brighter), rows, atol=0.02)


def test_few_images_and_none_are_no_error():
    one = thumbnails([scene(0)])
    for given in ((one,), (one[:0],), (one, one[:0]), (one[:0], one)):
        assert near_pairs(*given)[0].shape == (0, 2)
    assert near_pairs(one, one)[0].tolist() == [[0, 0]]


def test_plain_images_have_no_thumbnail():
    assert looks_of(np.full((9, 9, 3), 200, np.uint8))[0] is None
    assert looks_of(np.full((1, 1, 3), 200, np.uint8))[0] is None
