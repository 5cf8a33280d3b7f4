import numpy as np
import pytest

from tl_keras.checks import InputError
from tl_keras.data.array_checks import check_images, check_labels

FLOATS = np.full((4, 2, 2), 200.0)


def test_uint8_is_taken_as_it_is():
    x = np.zeros((2, 3, 4, 3), np.uint8)
    assert check_images(x) is x


def test_floats_from_0_to_255_are_rounded():
    x = np.array([[[0.4, 254.6], [128.0, 2.0]]])
    np.testing.assert_array_equal(check_images(x), [[[0, 255], [128, 2]]])
    assert check_images(x).dtype == np.uint8


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.fault(24)
def test_rows_with_nan_or_infinity_are_named(value):
    x = FLOATS.copy()
    x[1, 0, 0] = x[3, 1, 1] = value
    with pytest.raises(InputError, match="received NaN or infinity in rows 1, 3"):
        check_images(x)


@pytest.mark.fault(24)
def test_many_bad_rows_are_counted():
    with pytest.raises(InputError, match="in rows 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 5 more"):
        check_images(np.full((15, 2, 2), np.nan))


@pytest.mark.parametrize("dtype", [float, np.float32, bool])
@pytest.mark.fault(25)
def test_pixels_scaled_to_0_1_are_refused(dtype):
    with pytest.raises(InputError, match="scaled to 0-1, multiply by 255"):
        check_images(np.ones((2, 2, 2), dtype))


@pytest.mark.parametrize("value", [0.0, 1.5])
def test_dark_images_are_taken(value):
    x = np.zeros((2, 2, 2), np.float32)
    x[0, 0, 0] = value
    np.testing.assert_array_equal(check_images(x), np.round(x))


@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (0, 300), (-3, 200)])
@pytest.mark.fault(25)
def test_pixels_outside_0_255_are_refused(low, high):
    x = np.full((2, 2, 2), low)
    x[0] = high
    with pytest.raises(
        InputError, match=f"from 0 to 255; received values from {low:g} to {high:g}"
    ):
        check_images(x)


@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 4, 4), (2, 2, 2, 2, 3), (5,), ()])
@pytest.mark.fault(27)
def test_a_wrong_rank_tells_expected_and_received(shape):
    with pytest.raises(InputError, match=r"Expected x of shape \(n, height.*received \("):
        check_images(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.fault(27)
def test_channels_first_is_recognised(channels):
    with pytest.raises(InputError, match=r"channels first\. Use np\.moveaxis\(x, 1, -1\)"):
        check_images(np.zeros((2, channels, 8, 8), np.uint8))


def test_no_image_and_no_numbers_are_refused():
    with pytest.raises(InputError, match="at least one image"):
        check_images(np.zeros((0, 8, 8), np.uint8))
    with pytest.raises(InputError, match="to hold numbers; received dtype object"):
        check_images(np.full((1, 2, 2), None))


@pytest.mark.parametrize(
    "y",
    [
        [0, 2, 1],
        [0.0, 2.0, 1.0],
        [[0], [2], [1]],
        [[1, 0, 0], [0, 0, 1], [0, 1, 0]],
        np.eye(3, dtype=np.float32)[[0, 2, 1]],
    ],
)
@pytest.mark.fault(26)
def test_labels_in_every_documented_form_are_accepted(y):
    labels = check_labels(np.array(y), 3)
    np.testing.assert_array_equal(labels, [0, 2, 1])
    assert labels.dtype == np.int32 and labels.shape == (3,)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([0, 1], "received 3 images and 2 labels"),
        (5, "received 3 images and a single value labels"),
        ([0, 1, 2], r"from 0 to 1 \(2 classes\); received 2 in row 2"),
        ([0, -1, -2], "received -1 in rows 1, 2"),
        ([0, 0.5, 1], "whole class numbers in y; received 0.5 in row 1"),
        ([0, np.nan, 1], "received nan in row 1"),
        ([[1, 0], [1, 1], [0, 1]], "to be one-hot.*row 1"),
        ([[0.9, 0.1], [1, 0], [0, 1]], "to be one-hot.*row 0"),
        ([[1, 0, 0], [0, 1, 0], [0, 1, 0]], "with 2 columns, one for each class name; received 3"),
        (["a", "b", "a"], "hold class numbers 0, 1, 2"),
        (np.zeros((3, 2, 2)), r"received \(3, 2, 2\)"),
    ],
)
@pytest.mark.fault(26)
def test_other_labels_are_refused_precisely(y, message):
    with pytest.raises(InputError, match=message):
        check_labels(np.array(y), 3, class_names=("a", "b"))


@pytest.mark.fault(26)
def test_a_label_that_cannot_be_a_class_number_is_refused_without_names():
    with pytest.raises(InputError, match="from 0 to 99999 .* received 1e"):
        check_labels(np.array([0, 10**9]), 2)


def test_16_bit_pixels_are_told_what_to_do():
    x = np.full((2, 4, 4), 40_000, np.uint16)
    with pytest.raises(InputError, match="from 40000 to 40000 .uint16.. .*divide by 257") as e:
        check_images(x)
    assert "normalisation" not in str(e.value)


def test_labels_that_are_texts_are_told_how_to_number_them():
    y = np.array(["cat", "dog", "cat"])
    with pytest.raises(InputError, match=r"dtype <U3. Number them.*np.unique\(y, return_inv") as e:
        check_labels(y, 3)
    assert "class_names" not in str(e.value)
