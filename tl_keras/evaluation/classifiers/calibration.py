"""Calibration: agreement of confidence and accuracy."""

from collections.abc import Sequence

import numpy as np

from tl_keras.checks import check_number
from tl_keras.evaluation.classifiers.prediction_checks import (
    check_predictions,
    confidence_and_correctness,
)


def expected_calibration_error(
    probabilities: np.ndarray, labels: np.ndarray, bins: int = 15
) -> float:
    """Returns the mean difference between confidence and accuracy.

    With the rows in bins B_m of equal width by their largest probability,

        ECE = sum_m |B_m| / n * |accuracy(B_m) - confidence(B_m)|

    Args:
        probabilities: float (n, num_classes); every row sums to one.
        labels: integers (n,).
        bins: number of bins. Defaults to 15, as in the paper.

    Returns:
        float, 0 (calibrated) to 1.

    Raises:
        InputError: the arrays do not fit each other or rows are not probabilities.

    Reference:
        Guo, Pleiss, Sun and Weinberger, 2017, "On calibration of modern neural networks",
        arXiv:1706.04599.
    """
    filled = [b for b in reliability_bins(probabilities, labels, bins) if b["count"]]
    gaps = [b["count"] * abs(b["accuracy"] - b["confidence"]) for b in filled]
    return sum(gaps) / sum(b["count"] for b in filled)


def calibration_error_by_chance(bins: Sequence[dict]) -> float:
    """Returns the mean `expected_calibration_error` of calibrated probabilities by chance.

    The number of correct answers among the n_m examples of a bin varies by chance. This holds even
    if each is correct with exactly the predicted probability. With c_m the mean confidence of the
    bin,

        E |right_m - n_m c_m| = 2 n_m c_m (1 - c_m) b(floor(n_m c_m); n_m - 1, c_m)

    where b is the binomial probability (De Moivre). The result is the sum of these over n. A
    calibration error of this size does not indicate wrong probabilities. It shrinks with the root
    of n.

    Args:
        bins: result of `reliability_bins`.

    Returns:
        float, 0 to 1.

    Reference:
        Broecker and Smith, 2007, "Increasing the reliability of reliability diagrams",
        doi:10.1175/WAF993.1, whose simulation this replaces.
    """
    from scipy.stats import binom

    filled = [each for each in bins if each["count"]]
    counts = np.array([each["count"] for each in filled])
    confidence = np.clip([each["confidence"] for each in filled], 0, 1)
    rest = np.minimum(np.floor(counts * confidence), counts - 1)
    deviations = 2 * counts * confidence * (1 - confidence)
    return float((deviations * binom.pmf(rest, counts - 1, confidence)).sum() / counts.sum())


def reliability_bins(probabilities: np.ndarray, labels: np.ndarray, bins: int = 15) -> list[dict]:
    """Returns confidence and accuracy in bins of equal width of the largest probability.

    Args:
        probabilities: float (n, num_classes); every row sums to one.
        labels: integers (n,).
        bins: number of bins. Defaults to 15.

    Returns:
        A list of `bins` dicts: "low" and "high" (the bin holds low < confidence <= high),
        "confidence" (mean) and "accuracy", both 0-1 or None in an empty bin, and "count".

    Raises:
        InputError: the arrays do not fit each other or rows are not probabilities.
    """
    check_number("bins", bins, minimum=1, integer=True)
    confidence, correct = confidence_and_correctness(*check_predictions(probabilities, labels))
    edges = np.linspace(0, 1, bins + 1)
    # Rounding may leave a confidence just above 1.
    positions = np.clip(np.digitize(confidence, edges, right=True) - 1, 0, bins - 1)
    return [
        _bin(edges[i], edges[i + 1], confidence[positions == i], correct[positions == i])
        for i in range(bins)
    ]


def _bin(low, high, confidence, correct):
    count = len(confidence)
    return {
        "low": float(low),
        "high": float(high),
        "confidence": float(confidence.mean()) if count else None,
        "accuracy": float(correct.mean()) if count else None,
        "count": count,
    }
