import numpy as np
import pytest

from tl_keras.checks import InputError
from tl_keras.data.sources.letters import LETTERS, draw_letters


def test_letters_are_grey_images_with_their_place_in_the_alphabet():
    images, labels = draw_letters(per_class=2, image_size=16, seed=0)
    assert images.shape == (68, 16, 16) and images.dtype == np.uint8
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(np.bincount(labels), [2] * 34)
    # White on black: every image has ink, and most of it is ground.
    assert images.max(axis=(1, 2)).min() > 100
    assert 20 < images.mean() < 110


def test_one_seed_gives_the_same_letters_and_another_seed_others():
    images, _ = draw_letters(per_class=1, image_size=8, seed=3)
    again, _ = draw_letters(per_class=1, image_size=8, seed=3)
    other, _ = draw_letters(per_class=1, image_size=8, seed=4)
    np.testing.assert_array_equal(images, again)
    assert (images != other).any(axis=(1, 2)).all()


def test_more_letters_begin_with_those_of_fewer():
    few, _ = draw_letters(per_class=1, image_size=8, seed=3)
    many, _ = draw_letters(per_class=2, image_size=8, seed=3)
    np.testing.assert_array_equal(many[: len(few)], few)


def test_no_letter_differs_from_another_by_its_case_alone_or_looks_like_a_digit():
    assert len(set(LETTERS)) == 34 and not set(LETTERS) & set("0123456789OoIil")
    same_in_both_cases = set("CJKPSUVWXYZ")
    assert not {letter.upper() for letter in LETTERS if letter.islower()} & same_in_both_cases


def test_letters_of_a_class_are_more_alike_than_letters_of_two():
    images, labels = draw_letters(per_class=12, image_size=8, seed=0)
    rows = images.reshape(len(images), -1) / 255.0
    centres = np.stack([rows[labels == label].mean(axis=0) for label in range(34)])
    fresh, of = draw_letters(per_class=6, image_size=8, seed=1)
    fresh = fresh.reshape(len(fresh), -1) / 255.0
    nearest = ((fresh[:, None] - centres) ** 2).sum(-1).argmin(1)
    assert (nearest == of).mean() > 0.5  # 0.03 by chance


@pytest.mark.parametrize("wrong", [{"per_class": 0}, {"image_size": 7}, {"seed": -1}])
def test_a_number_out_of_bounds_is_refused(wrong):
    with pytest.raises(InputError, match=f"Expected {next(iter(wrong))}"):
        draw_letters(**wrong)
