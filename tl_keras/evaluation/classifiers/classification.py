"""Metrics of predicted class probabilities."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from tl_keras.checks import InputError, check_number
from tl_keras.evaluation.classifiers.calibration import (
    calibration_error_by_chance,
    expected_calibration_error,
    reliability_bins,
)
from tl_keras.evaluation.classifiers.prediction_checks import (
    check_predictions,
    confidence_and_correctness,
)

_KERAS_EPSILON = 1e-7
_NORMAL_97_5 = 1.959963984540054  # 97.5% quantile of the standard normal distribution


def evaluate_predictions(
    probabilities: np.ndarray, labels: np.ndarray, class_names: Sequence[str]
) -> dict[str, Any]:
    """Computes metrics of predictions, as plain Python numbers ready for JSON.

    Args:
        probabilities: float (n, num_classes); every row sums to one.
        labels: integers (n,), 0 to num_classes - 1.
        class_names: num_classes names, in the order of the columns.

    Returns:
        A dict:

        - "num_examples": n.
        - "accuracy": share of rows whose largest probability is at the label.
        - "loss": mean negative log likelihood in nats, clipped at 1e-7 as Keras does.
        - "macro_f1": mean F1 of all classes; 0 for a class without examples.
        - "expected_calibration_error": see `expected_calibration_error`.
        - "calibration_error_by_chance": see `calibration_error_by_chance`.
        - "confusion_matrix": counts, num_classes lists (the true class) of num_classes numbers.
        - "per_class": dicts of "class", "precision", "recall", "f1" and "support" (examples).
          A ratio with denominator 0 is 0.
        - "reliability": see `reliability_bins`.

    Raises:
        InputError: shapes, labels or names do not fit each other, or rows are not probabilities.
    """
    probabilities, labels = check_predictions(probabilities, labels)
    names = _check_class_names(class_names, probabilities.shape[1])
    predicted = probabilities.argmax(axis=1)
    per_class = _per_class(labels, predicted, names)
    reliability = reliability_bins(probabilities, labels)
    return {
        "num_examples": len(labels),
        "accuracy": float(np.mean(predicted == labels)),
        "loss": _negative_log_likelihood(probabilities, labels),
        "macro_f1": sum(row["f1"] for row in per_class) / len(per_class),
        "expected_calibration_error": expected_calibration_error(probabilities, labels),
        "calibration_error_by_chance": calibration_error_by_chance(reliability),
        "confusion_matrix": confusion_matrix(labels, predicted, labels=range(len(names))).tolist(),
        "per_class": per_class,
        "reliability": reliability,
    }


def most_confident_mistakes(
    probabilities: np.ndarray, labels: np.ndarray, limit: int = 12
) -> np.ndarray:
    """Returns the rows with wrong predictions, the most confident first.

    Args:
        probabilities: float (n, num_classes); every row sums to one.
        labels: integers (n,).
        limit: maximum number of rows. Defaults to 12.

    Returns:
        int64 (up to limit,) row numbers. Rows that are equally confident keep their order.

    Raises:
        InputError: see `evaluate_predictions`.
    """
    check_number("limit", limit, minimum=0, integer=True)
    confidence, correct = confidence_and_correctness(*check_predictions(probabilities, labels))
    wrong = np.flatnonzero(~correct)
    return wrong[np.argsort(-confidence[wrong], kind="stable")][:limit]


def first_correct(
    probabilities: np.ndarray, labels: Sequence[int], limit: int | None = None
) -> np.ndarray:
    """Returns the first correctly predicted row of each class, in the order of the classes.

    Args:
        probabilities: float (n, num_classes); every row sums to one.
        labels: integers (n,).
        limit: int, most rows. Defaults to all.

    Returns:
        int64 (up to limit,) row numbers; a class without one is left out.

    Raises:
        InputError: see `evaluate_predictions`.
    """
    _, correct = confidence_and_correctness(*check_predictions(probabilities, labels))
    rows = np.flatnonzero(correct)
    _, first = np.unique(np.asarray(labels)[rows], return_index=True)
    return rows[first][:limit]


def accuracy_interval(accuracy: float, n: int) -> tuple[float, float]:
    """Returns the 95% interval of an accuracy measured on `n` examples.

    It is the Wilson score interval, which stays within 0 and 1. It is also reliable for few
    examples and for accuracies near 0 or 1, where accuracy +- 2 standard errors is not.

    Args:
        accuracy: share of correct answers, 0-1.
        n: number of examples, at least 1.

    Returns:
        (low, high), both 0-1.

    Raises:
        InputError: `accuracy` or `n` is out of range.

    Reference:
        Wilson, 1927, "Probable inference, the law of succession, and statistical inference".
    """
    check_number("accuracy", accuracy, minimum=0, maximum=1)
    check_number("n", n, minimum=1, integer=True)
    z2 = _NORMAL_97_5**2
    centre = (accuracy + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2 * (accuracy * (1 - accuracy) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    return float(max(0.0, centre - half)), float(min(1.0, centre + half))


def _negative_log_likelihood(probabilities, labels):
    of_label = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.clip(of_label, _KERAS_EPSILON, 1 - _KERAS_EPSILON)).mean())


def _per_class(labels, predicted, names):
    columns = precision_recall_fscore_support(
        labels, predicted, labels=range(len(names)), zero_division=0
    )
    return [
        {
            "class": name,
            "precision": float(precision),
            "recall": float(recall),
            "f1": float(f1),
            "support": int(support),
        }
        for name, precision, recall, f1, support in zip(names, *columns, strict=True)
    ]


def _check_class_names(class_names, num_classes):
    names = [str(name) for name in class_names]
    if len(names) != num_classes:
        raise InputError(
            f"Expected one class name for each of the {num_classes} columns of probabilities; "
            f"received {len(names)} class names. Pass the names the model was trained with."
        )
    return names
