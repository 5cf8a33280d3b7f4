"""Shifts, scales and warps that were made are found again."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from tests.data.changed_copies import moved
from tl_keras.data.inspection.registration import (
    SIDE,
    agreement,
    best_shift,
    colour_agreement,
    details,
    rough_warp,
)

RANDOM = np.random.default_rng(0)


def scenes(count, size=SIDE):
    """Smooth random images, grey, float32 (n, size, size), 0-255."""
    x = gaussian_filter(RANDOM.normal(size=(count, size, size)), (0, 1.5, 1.5))
    low, high = x.min((1, 2), keepdims=True), x.max((1, 2), keepdims=True)
    return ((x - low) / (high - low) * 255).astype(np.float32)


def changed(images, **change):
    """`moved` for grey images."""
    rgb = np.repeat(images[..., None], 3, -1).astype(np.uint8)
    return np.stack([moved(image, **change)[..., 0] for image in rgb]).astype(np.float32)


def slow_shift(one, other):
    """The best correlation of the middle of one with the windows of another, one at a time."""
    middle, best = one[3:-3, 3:-3].ravel(), (-2, None)
    for down in range(-3, 4):
        for right in range(-3, 4):
            window = other[3 + down : SIDE - 3 + down, 3 + right : SIDE - 3 + right].ravel()
            best = max(best, (np.corrcoef(middle, window)[0, 1], (down, right)))
    return best


def test_best_shift_is_that_of_a_plain_search():
    large = scenes(6, SIDE + 6)
    one, other = details(large[:, 3:-3, 3:-3]), details(large[:, 1:-5, 4:-2])
    other[3:] = details(scenes(3))
    correlations, shifts = best_shift(one, other)
    for row in range(6):
        expected, shift = slow_shift(one[row].astype(float), other[row].astype(float))
        assert correlations[row] == pytest.approx(expected, abs=1e-4)
        assert tuple(shifts[row]) == shift
    assert shifts[0].tolist() == [2, -1]


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"shift": (2, -1)},
        {"shift": (0.5, 1.5)},
        {"scale": 1.1},
        {"scale": 0.92, "shift": (1, 1)},
        {"degrees": 4},
    ],
)
def test_copies_agree_however_they_were_moved_and_their_brightness_does_not_matter(change):
    images = scenes(8)
    copies = 0.7 * changed(images, **change) + 20
    correlations, warps = rough_warp(images, copies)
    assert correlations.min() > 0.8
    assert agreement(images, copies, warps).min() > 0.9


def test_other_images_do_not_agree():
    images, others = scenes(40), scenes(40)
    assert agreement(images, others, rough_warp(images, others)[1]).max() < 0.5


def test_what_hardly_overlaps_or_is_stretched_agrees_less():
    images = scenes(3)
    far = np.tile([[1.0, 0, 20], [0, 1, 0]], (3, 1, 1))
    assert agreement(images, images, far).tolist() == [-1.0] * 3
    wide = np.stack([changed(image[None], scale=1.0)[0] for image in images])
    wide = wide[:, :, 2:-2]
    places = np.linspace(0, wide.shape[2] - 1, SIDE)
    wide = np.stack([[np.interp(places, np.arange(len(row)), row) for row in x] for x in wide])
    stretched = agreement(images, wide.astype(np.float32), rough_warp(images, wide)[1])
    # The width of 28 pixels has become 32: what is left of 1 is a seventh over three.
    assert (stretched < 0.97).all() and (stretched > 0.85).all()


def test_no_images_and_plain_ones_are_no_error():
    none = np.empty((0, SIDE, SIDE), np.float32)
    assert len(agreement(none, none, rough_warp(none, none)[1])) == 0
    plain = np.full((2, SIDE, SIDE), 7, np.float32)
    assert np.isfinite(agreement(plain, plain, rough_warp(plain, plain)[1])).all()


def test_colours_agree_as_their_correlation_where_they_lie_over_each_other():
    random = np.random.default_rng(0)
    one, other = random.normal(0, 30, (2, 1, 8, 8, 2))
    shift = np.array([[[1.0, 0, 4], [0, 1, -8]]])  # a row down, two columns to the left
    a, b = one[0, :7, 2:], 0.7 * one[0, :7, 2:] + other[0, :7, 2:]
    other[0, 1:, :6] = b
    channels = [(x - x.mean((0, 1))).ravel() for x in (a, b)]
    expected = channels[0] @ channels[1] / np.prod([np.linalg.norm(x) for x in channels])
    assert 0.4 < expected < 0.8
    np.testing.assert_allclose(colour_agreement(one, other, shift), expected, atol=0.01)


def test_colours_say_nothing_where_there_are_none_and_opposite_ones_are_not_below_zero():
    bright = np.random.default_rng(0).normal(0, 30, (1, 8, 8, 2))
    unmoved = np.eye(2, 3)[None]
    grey = np.full((1, 8, 8, 2), 128.0)
    assert abs(colour_agreement(grey, grey, unmoved) - 0.4) < 1e-6
    assert abs(colour_agreement(bright, bright, unmoved) - 1) < 1e-3
    assert colour_agreement(bright, -bright, unmoved) == 0
