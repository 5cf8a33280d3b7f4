"""Thumbnails and inlined images can be decoded again."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from tl_keras.checks import InputError
from tl_keras.reports.page_parts.thumbnails import data_uri, thumbnail


def decode(uri):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",", 1)[1]))))


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((300, 200, 3), (112, 75, 3)),
        ((8, 8), (112, 112, 3)),
        ((28, 14, 1), (112, 56, 3)),
        ((1, 5000, 3), (1, 112, 3)),
    ],
)
def test_longer_side_has_the_size_and_the_shape_is_kept(shape, expected):
    small = thumbnail(np.zeros(shape, np.uint8))
    assert small.shape == expected
    assert small.dtype == np.uint8


def test_small_images_keep_their_pixels():
    image = np.array([[0, 255], [100, 30]], np.uint8)
    np.testing.assert_array_equal(thumbnail(image, 4)[::2, ::2, 0], image)


def test_large_images_are_averaged():
    board = (np.indices((400, 400)).sum(0) % 2 * 255).astype(np.uint8)
    assert abs(thumbnail(board, 100).astype(int) - 128).max() < 12


def test_flat_image_is_inlined_without_loss():
    image = np.full((20, 30, 3), (10, 200, 90), np.uint8)
    uri = data_uri(image)
    assert uri.startswith("data:image/png;base64,")
    np.testing.assert_array_equal(decode(uri), image)


def test_noisy_image_is_a_jpeg_close_to_the_original():
    noise = np.random.default_rng(0).normal(128, 20, (64, 64, 3)).clip(0, 255).astype(np.uint8)
    uri = data_uri(noise)
    assert uri.startswith("data:image/jpeg;base64,")
    assert decode(uri).shape == (64, 64, 3)


@pytest.mark.parametrize(
    "image", [np.zeros((4, 4, 3)), np.zeros((4, 4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8)]
)
def test_what_is_no_image_is_refused(image):
    with pytest.raises(InputError, match="Expected an image as uint8"):
        thumbnail(image)
