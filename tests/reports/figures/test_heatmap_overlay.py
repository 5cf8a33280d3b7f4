"""Heatmaps over images: where there is heat there is colour, elsewhere the image."""

import numpy as np
import pytest

from tl_keras.checks import InputError
from tl_keras.reports.figures.heatmap_overlay import draw_overlay

GREY = np.full((20, 40, 3), 120, np.uint8)


def test_heat_is_red_and_the_rest_shows_the_image_in_its_own_proportions():
    heat = np.zeros((8, 8), np.float32)
    heat[4:, 4:] = 1
    drawn = draw_overlay(GREY, heat, size=80)
    assert drawn.shape == (40, 80, 3)
    assert (drawn[:10, :20] == 90).all()  # the image, dimmed
    red, green, blue = drawn[-5, -5].astype(int)
    assert red > green + 30
    assert red > blue + 30


@pytest.mark.parametrize("image", [GREY[..., 0], GREY[..., :1]])
def test_grey_images_are_drawn_too(image):
    np.testing.assert_array_equal(
        draw_overlay(image, np.ones((2, 2))), draw_overlay(GREY, np.ones((2, 2)))
    )


@pytest.mark.parametrize(
    "heat", [np.ones((2, 2, 1)), np.full((2, 2), 2.0), np.full((2, 2), np.nan)]
)
def test_what_is_no_heatmap_is_refused(heat):
    with pytest.raises(InputError, match="heatmap .* of values from 0 to 1; received"):
        draw_overlay(GREY, heat)
