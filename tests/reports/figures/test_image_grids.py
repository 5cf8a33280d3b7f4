"""Grids of small images: each stands where it should, pixel by pixel."""

import numpy as np
import pytest

from tl_keras import InputError
from tl_keras.reports.figures.image_grids import (
    below_each_other,
    film_strip,
    image_grid,
    in_pairs,
)

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (5, 3, 4), dtype=np.uint8)


def test_each_image_stands_in_its_place_and_the_rest_is_white():
    grid = image_grid(GREY, columns=2)
    assert grid.shape == (3 * 5 + 2, 2 * 6 + 2, 3)
    for number, image in enumerate(GREY):
        top, left = 2 + 5 * (number // 2), 2 + 6 * (number % 2)
        np.testing.assert_array_equal(grid[top : top + 3, left : left + 4, 1], image)
    assert (grid[12:15, 8:12] == 255).all()
    assert grid.sum() == 3 * (GREY.sum() + 255 * (17 * 14 - GREY.size))


def test_colours_scale_and_a_square_by_default():
    coloured = RNG.integers(0, 256, (5, 2, 2, 3), dtype=np.uint8)
    small, large = image_grid(coloured), image_grid(coloured, scale=3)
    assert small.shape == (2 * 4 + 2, 3 * 4 + 2, 3)
    np.testing.assert_array_equal(large[::3, ::3], small)
    np.testing.assert_array_equal(large[1::3, 2::3], small)
    np.testing.assert_array_equal(small[2:4, 2:4], coloured[0])


def test_a_film_strip_has_a_row_for_each_moment():
    frames = [GREY, GREY[::-1], GREY[[1, 1, 2]]]
    strip = film_strip(frames, columns=4)
    rows = np.concatenate([frame[:3] for frame in frames])
    np.testing.assert_array_equal(strip, image_grid(rows, 3))


@pytest.mark.parametrize(
    "images", [GREY / 255.0, GREY[0], GREY[:0], np.zeros((2, 3, 3, 2), np.uint8)]
)
def test_what_is_no_row_of_images_is_refused(images):
    with pytest.raises(InputError, match="Expected"):
        image_grid(images)
    with pytest.raises(InputError, match="Expected"):
        film_strip([])
    with pytest.raises(InputError, match="of one size"):
        film_strip([GREY, GREY[:, :2]])


@pytest.mark.parametrize(("count", "columns"), [(4, 2), (3, 2), (1, 8)])
def test_in_pairs_each_other_one_stands_below_its_image(count, columns):
    images = np.arange(1, count + 1, dtype=np.uint8)[:, None, None, None]
    ordered = in_pairs(images, images + 100, columns)[:, 0, 0, 0]
    rows = ordered.reshape(-1, columns)
    for number in range(count):
        row, column = divmod(number, columns)
        assert rows[2 * row, column] == number + 1
        assert rows[2 * row + 1, column] == number + 101
    assert (rows == 255).sum() == rows.size - 2 * count


def test_of_three_sets_each_stands_below_the_one_before():
    sets = [np.full((3, 1, 1, 1), value, np.uint8) for value in (1, 2, 3)]
    rows = below_each_other(sets, 2)[:, 0, 0, 0].reshape(-1, 2)
    assert rows.tolist() == [[1, 1], [2, 2], [3, 3], [1, 255], [2, 255], [3, 255]]
