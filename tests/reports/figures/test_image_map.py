"""Images stand where they should, in the frame of their group."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from tl_keras.checks import InputError
from tl_keras.reports.figures.image_map import group_colours, image_map


def test_each_image_is_seen_in_the_colour_of_its_group():
    images = [np.full((8, 8, 3), grey, np.uint8) for grey in (10, 90, 170)]
    sheet = image_map(images, [(1, 1), (1, 2), (2, 1)], 15, [0, 1, 0])
    cell = 1440 // 15
    size = cell - 8
    for image, (row, column), group in zip(
        images, [(0, 0), (0, 1), (1, 0)], (0, 1, 0), strict=True
    ):
        tile = sheet[2 + row * cell :, 2 + column * cell :][: cell - 2, : cell - 2]
        colour = np.round(np.array(to_rgb(group_colours(2)[group])) * 255)
        assert (tile[0] == colour).all() and (tile[:, -1] == colour).all()
        assert (tile[3:-3, 3:-3] == image[0, 0, 0]).all()
        assert tile[3:-3, 3:-3].shape == (size, size, 3)
    assert (sheet[-cell:, -cell:] == 255).all()  # no image there


def test_of_wide_images_the_middle_is_seen():
    wide = np.full((4, 8, 3), 200, np.uint8)
    wide[:, 2:6] = 20
    sheet = image_map([wide], [(0, 0)], 4)
    dark = (sheet == 20).all(2)
    assert dark.sum() == 112 * 112 and not (sheet == 200).any()


@pytest.mark.parametrize("count", [1, 8, 9, 40])
def test_groups_have_colours_of_their_own(count):
    assert len(set(group_colours(count))) == count


def test_groups_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match="a group for each place; received 2 groups and 1"):
        image_map([np.zeros((4, 4, 3), np.uint8)], [(0, 0)], 2, [0, 1])
