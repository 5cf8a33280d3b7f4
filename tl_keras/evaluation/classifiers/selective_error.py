"""Threshold of confidence above which a promised error rate holds, with a stated probability."""

import dataclasses
import math

import numpy as np

from tl_keras.checks import InputError, check_number

RISK = 0.1  # probability of a threshold that breaks its promise
_FIRST = 0.25  # share of the images from which the tests start


@dataclasses.dataclass(frozen=True)
class Threshold:
    """Least confidence of an answer, chosen on calibration images.

    Attributes:
        least: that confidence; None if nothing can be promised with these images.
        answered, errors: calibration images that are at least as confident, and wrong ones of them.
        images: calibration images in all.
        first, first_errors: the most confident images of the first test, and wrong ones of them;
            0 if there are too few images for a test.
    """

    least: float | None
    answered: int
    errors: int
    images: int
    first: int
    first_errors: int


def promised_threshold(
    confidence: np.ndarray, correct: np.ndarray, max_error: float, *, risk: float = RISK
) -> Threshold:
    """Returns the least confidence with an error of at most `max_error` among answers.

    Of the images that are at least as confident as the m-th, k_m were wrong. If the error there
    were more than `max_error`, so few errors would have a probability of at most

        p_m = P(Binomial(m, max_error) <= k_m).

    m rises from a quarter of the images, or from the first number with which p_m <= `risk` is
    possible, and stops before the first p_m > `risk`. The last m decides. The order of the tests
    depends on no label, so a single risk covers all of them. The error among future answers is
    above `max_error` with a probability of at most `risk`, if calibration images are drawn like
    future ones and were not trained on.

    Args:
        confidence: float (n,).
        correct: bool (n,).
        max_error: above 0 and below 1.
        risk: above 0 and below 1. Defaults to 0.1.

    Returns:
        `Threshold`; its least confidence lies between two images.

    Raises:
        InputError: an argument is invalid.

    Reference:
        Angelopoulos, Bates, Candes, Jordan & Lei (2021), "Learn then test", arXiv:2110.01052, with
        fixed sequence testing and exact binomial p-values.
    """
    from scipy.stats import binom

    confidence, correct = np.asarray(confidence, np.float64), np.asarray(correct, bool)
    _check(confidence, correct)
    order = np.argsort(-confidence, kind="stable")
    sorted_confidence, errors = confidence[order], np.cumsum(~correct[order])
    # The last of equal ones: a threshold cannot part them.
    last = np.flatnonzero(_are_last(sorted_confidence))
    last = last[last + 1 >= max(fewest_images(max_error, risk=risk), _FIRST * len(order))]
    if not len(last):
        return Threshold(None, 0, 0, len(order), 0, 0)
    first = int(last[0] + 1), int(errors[last[0]])
    passed = binom.cdf(errors[last], last + 1, max_error) <= risk
    number = len(last) if passed.all() else int(passed.argmin())
    if not number:
        return Threshold(None, 0, 0, len(order), *first)
    at = last[number - 1]
    least = _between(sorted_confidence, at)
    return Threshold(least, int(at + 1), int(errors[at]), len(order), *first)


def images_to_promise(threshold: Threshold, max_error: float, *, risk: float = RISK) -> int | None:
    """Returns the calibration images that it takes to promise an error of at most `max_error`.

    It assumes that the most confident images go on to have the error of the first test, or none
    without a test. None if that error is too high for any number of images.

    Args:
        threshold: of the images there are; if it promises something, they are enough.
        max_error, risk: see `promised_threshold`.
    """
    if threshold.least is not None:
        return threshold.images
    if not threshold.first:
        return fewest_images(max_error, risk=risk)
    rate = threshold.first_errors / threshold.first
    if rate >= max_error:
        return None
    errors = threshold.first_errors
    while round(rate * (size := fewest_images(max_error, errors, risk=risk))) > errors:
        errors += 1
    return round(size * max(threshold.images / threshold.first, 1))


def fewest_images(max_error: float, errors: int = 0, *, risk: float = RISK) -> int:
    """Returns the fewest images that show an error of at most `max_error`, with so many wrong.

    Args:
        max_error, risk: see `promised_threshold`.
        errors: wrong ones among them. Defaults to 0, with which it is log(risk) / log(1 -
            max_error), rounded up.
    """
    from scipy.stats import binom

    check_number("max_error", max_error, above=0, below=1)
    check_number("risk", risk, above=0, below=1)
    low, high = errors, errors + math.ceil(math.log(risk) / math.log1p(-max_error))
    while binom.cdf(errors, high, max_error) > risk:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if binom.cdf(errors, middle, max_error) > risk:
            low = middle
        else:
            high = middle
    return high


def error_bound(errors: int, answered: int, *, risk: float = RISK) -> float:
    """Returns the Clopper-Pearson upper bound of an error rate, 0-1, above it with `risk`."""
    from scipy.stats import beta

    return 1.0 if errors == answered else float(beta.ppf(1 - risk, errors + 1, answered - errors))


def risk_coverage(confidence: np.ndarray, correct: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns (share answered (m,), error among answers (m,)) from one image to all of them.

    Images of equal confidence are answered together.
    """
    order = np.argsort(-np.asarray(confidence), kind="stable")
    sorted_confidence = np.asarray(confidence)[order]
    numbers = np.arange(1, len(order) + 1)
    errors = np.cumsum(~np.asarray(correct, bool)[order]) / numbers
    last = _are_last(sorted_confidence)
    return numbers[last] / len(order), errors[last]


def _are_last(confidence):
    """True for the last of equally confident images, bool (n,)."""
    return np.append(confidence[1:] < confidence[:-1], True)[: len(confidence)]


def _between(confidence, at):
    """A value that parts the image at a place from the next; below the last, a little less."""
    following = confidence[at + 1] if at + 1 < len(confidence) else confidence[at] - 2e-3
    return float((confidence[at] + following) / 2)


def _check(confidence, correct):
    if confidence.ndim != 1 or confidence.shape != correct.shape:
        raise InputError(
            "Expected a confidence and a correctness for each image, both (n,); received shapes "
            f"{confidence.shape} and {correct.shape}."
        )
    if not np.isfinite(confidence).all():
        raise InputError(
            "Expected finite confidences; received NaN or infinity for "
            f"{np.count_nonzero(~np.isfinite(confidence))} images."
        )
