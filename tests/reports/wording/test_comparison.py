"""A verdict claims no more than the intervals support."""

import pytest

from tl_keras.evaluation.statistics.intervals import MeanInterval
from tl_keras.reports.wording.comparison import format_points, verdict


def said(**differences):
    found = {int(key[1:]): MeanInterval(*value, 3) for key, value in differences.items()}
    text, over = verdict("fine-tune", "scratch:cnn", found).split(" The 95% interval")
    assert over == " (±) is over seeds and test images."
    return text


def test_clearly_ahead_then_no_difference_to_see():
    assert said(b20=(0.21, 0.03), b500=(0.004, 0.011), b1000=(-0.002, 0.01)) == (
        "With 20 labels per class, fine-tune is ahead of scratch:cnn by 21 ± 3 points; "
        "from 500 on there is no significant difference (+0.4 ± 1.1 and -0.2 ± 1.0 points)."
    )


def test_ahead_everywhere_is_one_clause_with_every_number():
    assert said(b50=(0.15, 0.02), b10=(0.21, 0.03), b250=(0.091, 0.012)) == (
        "With 10, 50 and 250 labels per class, fine-tune is ahead of scratch:cnn by 21 ± 3, 15 ± 2 "
        "and 9.1 ± 1.2 points."
    )


def test_no_difference_to_see():
    assert said(b10=(0.05, 0.09)) == (
        "With 10 labels per class, there is no significant difference between fine-tune and "
        "scratch:cnn "
        "(+5.0 ± 9.0 points)."
    )


def test_behind():
    assert said(b10=(0.12, 0.02), b50=(-0.11, 0.02)) == (
        "With 10 labels per class, fine-tune is ahead of scratch:cnn by 12 ± 2 points; "
        "with 50 labels per class, it is behind by 11 ± 2 points."
    )
    assert said(b10=(-0.05, 0.01)) == (
        "With 10 labels per class, fine-tune is behind scratch:cnn by 5.0 ± 1.0 points."
    )


def test_a_difference_that_shows_later_names_who_is_ahead():
    assert said(b10=(0.01, 0.02), b50=(0.05, 0.01)) == (
        "With 10 labels per class, there is no significant difference between fine-tune and "
        "scratch:cnn "
        "(+1.0 ± 2.0 points); with 50 labels per class, fine-tune is ahead by 5.0 ± 1.0 points."
    )


def test_verdict_on_one_seed_says_that_the_interval_does_not_hold_the_seeds():
    found = {10: MeanInterval(0.21, 0.03, 1), 50: MeanInterval(-0.02, 0.03, 1)}
    assert verdict("fine-tune", "scratch:cnn", found) == (
        "With 10 labels per class, fine-tune is ahead of scratch:cnn by 21 ± 3 points; from 50 on "
        "there is no significant difference (-2.0 ± 3.0 points). "
        "The 95% interval (±) is over test images alone: one seed does not show how another "
        "training would differ. Give more seeds."
    )


def test_an_interval_that_touches_zero_is_no_difference():
    assert "no significant difference" in said(b10=(0.05, 0.05))
    assert "is ahead of" in said(b10=(0.05, 0.0499))


def test_no_run_in_common_is_said():
    assert verdict("a", "b", {}) == "a and b have no run in common."


@pytest.mark.parametrize(
    ("mean", "half", "sign", "text"),
    [
        (0.214, 0.031, False, "21 ± 3"),
        (-0.214, 0.031, True, "-21 ± 3"),
        (0.214, 0.004, False, "21.4 ± 0.4"),
        (0.021, 0.02, False, "2.1 ± 2.0"),
        (0.0002, 0.0003, True, "+0.02 ± 0.03"),
        (0.104, 0.0996, False, "10.4 ± 10.0"),
    ],
)
def test_points_have_as_many_digits_as_the_interval_bears_and_needs(mean, half, sign, text):
    assert format_points(MeanInterval(mean, half, 1), sign=sign) == text
