"""Threshold of confidence with a promised error rate."""

import numpy as np
import pytest
from scipy.stats import beta, binom

from tl_keras.checks import InputError
from tl_keras.evaluation.classifiers.selective_error import (
    error_bound,
    fewest_images,
    images_to_promise,
    promised_threshold,
    risk_coverage,
)


def _slow(confidence, correct, max_error, risk=0.1):
    """Images that are answered, by sums of the binomial distribution, one number after another."""
    rows = sorted(zip(confidence, correct, strict=True), key=lambda row: -row[0])
    size, passed = len(rows), 0
    for m in range(1, size + 1):
        if m < size and rows[m][0] == rows[m - 1][0]:
            continue  # no threshold parts them
        if (1 - max_error) ** m > risk or m < size / 4:
            continue
        wrong = sum(not right for _, right in rows[:m])
        tail = sum(binom.pmf(k, m, max_error) for k in range(wrong + 1))
        if tail > risk:
            break
        passed = m
    return passed


@pytest.mark.parametrize("max_error", [0.02, 0.1, 0.3])
@pytest.mark.parametrize("seed", range(4))
def test_threshold_is_that_of_a_slow_version(seed, max_error):
    rng = np.random.default_rng(seed)
    confidence = rng.uniform(size=400).round(2)  # with equal ones
    correct = rng.uniform(size=400) < confidence**0.1
    found = promised_threshold(confidence, correct, max_error)
    answered = _slow(confidence, correct, max_error)
    assert found.answered == answered
    if answered:
        assert (confidence >= found.least).sum() == answered
        assert found.errors == (~correct[confidence >= found.least]).sum()
    else:
        assert found.least is None


@pytest.mark.parametrize(("max_error", "risk"), [(0.02, 0.1), (0.05, 0.05), (0.3, 0.2)])
def test_fewest_images_have_the_closed_form_of_the_binomial(max_error, risk):
    needed = fewest_images(max_error, risk=risk)
    assert needed == np.ceil(np.log(risk) / np.log(1 - max_error))
    for errors in (1, 3):
        size = fewest_images(max_error, errors, risk=risk)
        assert binom.cdf(errors, size, max_error) <= risk < binom.cdf(errors, size - 1, max_error)


def test_bound_is_that_of_clopper_and_pearson():
    assert error_bound(0, 50) == pytest.approx(1 - 0.1 ** (1 / 50))
    assert error_bound(3, 40, risk=0.05) == pytest.approx(beta.ppf(0.95, 4, 37))
    assert binom.cdf(3, 40, error_bound(3, 40)) == pytest.approx(0.1)
    assert error_bound(5, 5) == 1


def test_promise_is_kept_in_nine_of_ten_draws():
    """The true error at confidence c is 0.3 (1 - c), so above t it is 0.15 (1 - t)."""
    rng = np.random.default_rng(0)
    broken = 0
    for _ in range(400):
        confidence = rng.uniform(size=300)
        correct = rng.uniform(size=300) >= 0.3 * (1 - confidence)
        least = promised_threshold(confidence, correct, 0.05).least
        broken += least is not None and 0.15 * (1 - least) > 0.05
    assert 0 < broken / 400 < 0.1  # not by answering nothing


def test_too_few_images_promise_nothing_and_say_how_many_it_takes():
    found = promised_threshold(np.linspace(0.5, 1, 90), np.ones(90, bool), 0.02)
    assert (found.least, found.answered, found.images, found.first) == (None, 0, 90, 0)
    assert images_to_promise(found, 0.02) == 114
    assert promised_threshold(np.zeros(0), np.zeros(0, bool), 0.02).least is None


def test_more_images_are_asked_for_only_where_they_would_help():
    confidence, correct = np.linspace(1, 0.5, 200), np.ones(200, bool)
    correct[[50, 150]] = False
    found = promised_threshold(confidence, correct, 0.02)
    assert (found.least, found.first, found.first_errors) == (None, 114, 1)
    needed = images_to_promise(found, 0.02)
    assert needed > 200
    first = round(needed * 114 / 200)
    assert binom.cdf(round(first / 114), first, 0.02) <= 0.1
    correct[:3] = False
    assert images_to_promise(promised_threshold(confidence, correct, 0.02), 0.02) is None
    enough = promised_threshold(confidence, correct, 0.2)
    assert images_to_promise(enough, 0.2) == 200


def test_threshold_of_all_images_is_below_the_last():
    found = promised_threshold(np.linspace(0.5, 1, 200), np.ones(200, bool), 0.05)
    assert found.answered == 200
    assert 0.49 < found.least < 0.5


def test_curve_ends_at_all_images_and_their_error():
    share, error = risk_coverage([0.9, 0.8, 0.8, 0.1], [True, True, False, False])
    np.testing.assert_allclose(share, [0.25, 0.75, 1])
    np.testing.assert_allclose(error, [0, 1 / 3, 1 / 2])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([0.5], [True, False], 0.1), "both .n,.; received shapes"),
        (([np.nan], [True], 0.1), "finite confidences"),
        (([0.5], [True], 0), "max_error to be a number"),
    ],
)
def test_arguments_that_cannot_be_used_are_refused(arguments, words):
    with pytest.raises(InputError, match=words):
        promised_threshold(*arguments)
