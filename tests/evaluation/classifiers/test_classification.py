"""Accuracy, loss, F1, mistakes and intervals against plain references and closed forms."""

import json
import math

import numpy as np
import pytest

from tl_keras.checks import InputError
from tl_keras.evaluation.classifiers.classification import (
    accuracy_interval,
    evaluate_predictions,
    first_correct,
    most_confident_mistakes,
)


def random_predictions(n=60, num_classes=4, seed=0):
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.ones(num_classes), n).astype(np.float32)
    return probabilities, rng.integers(0, num_classes, n)


def plain_class_row(predicted, labels, c):
    hits = sum(p == c == t for p, t in zip(predicted, labels, strict=True))
    found, there = sum(p == c for p in predicted), sum(t == c for t in labels)
    precision = hits / found if found else 0.0
    recall = hits / there if there else 0.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return {"precision": precision, "recall": recall, "f1": f1, "support": there}


def test_metrics_equal_slow_plain_ones():
    probabilities, labels = random_predictions()
    metrics = evaluate_predictions(probabilities, labels, "abcd")
    predicted = [max(range(4), key=lambda c: row[c]) for row in probabilities]
    rows = [plain_class_row(predicted, labels, c) for c in range(4)]
    losses = [-math.log(row[t]) for row, t in zip(probabilities, labels, strict=True)]

    assert metrics["num_examples"] == 60
    assert metrics["accuracy"] == pytest.approx(np.mean(predicted == labels))
    assert metrics["loss"] == pytest.approx(sum(losses) / 60, rel=1e-5)
    assert metrics["macro_f1"] == pytest.approx(sum(row["f1"] for row in rows) / 4)
    for name, row, expected in zip("abcd", metrics["per_class"], rows, strict=True):
        assert row == pytest.approx({"class": name, **expected})
    for true in range(4):
        for guess in range(4):
            pairs = zip(labels, predicted, strict=True)
            count = sum((t, p) == (true, guess) for t, p in pairs)
            assert metrics["confusion_matrix"][true][guess] == count


def test_metrics_are_plain_json():
    metrics = evaluate_predictions(*random_predictions(), list("abcd"))
    assert json.loads(json.dumps(metrics, allow_nan=False)) == metrics


def test_hand_computed_example():
    probabilities = [[0.8, 0.2], [0.6, 0.4], [0.3, 0.7], [0.1, 0.9]]
    metrics = evaluate_predictions(probabilities, [0, 1, 1, 1], ["cat", "dog"])
    assert metrics["accuracy"] == 0.75
    assert metrics["confusion_matrix"] == [[1, 0], [1, 2]]
    assert metrics["loss"] == pytest.approx(-np.log([0.8, 0.4, 0.7, 0.9]).mean())
    assert metrics["per_class"][0]["precision"] == 0.5
    assert metrics["per_class"][1]["recall"] == pytest.approx(2 / 3)


def test_loss_of_a_certain_mistake_is_clipped_as_in_keras():
    metrics = evaluate_predictions([[1.0, 0.0]], [1], ["a", "b"])
    assert metrics["loss"] == pytest.approx(-math.log(1e-7))


def test_class_that_is_never_true_and_never_predicted_counts_zero():
    metrics = evaluate_predictions([[0.9, 0.05, 0.05]] * 2, [0, 0], ["a", "b", "c"])
    assert metrics["per_class"][2] == {
        "class": "c",
        "precision": 0.0,
        "recall": 0.0,
        "f1": 0.0,
        "support": 0,
    }
    assert metrics["macro_f1"] == pytest.approx(1 / 3)


def test_mistakes_come_most_confident_first():
    probabilities = [[0.6, 0.4], [0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.4, 0.6]]
    labels = [1, 1, 1, 0, 0]
    assert most_confident_mistakes(probabilities, labels).tolist() == [1, 3, 0, 4]
    assert most_confident_mistakes(probabilities, labels, limit=2).tolist() == [1, 3]
    assert most_confident_mistakes(probabilities[2:3], [1]).tolist() == []


def test_interval_is_the_published_wilson_interval():
    # 81 of 263: Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I.
    assert accuracy_interval(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    # 0 of n has the closed form (0, z^2 / (n + z^2)).
    assert accuracy_interval(0.0, 20) == pytest.approx((0, 0.1611), abs=5e-5)
    assert accuracy_interval(1.0, 20) == pytest.approx((1 - 0.1611, 1), abs=5e-5)


def test_interval_shrinks_with_more_examples():
    widths = [high - low for low, high in (accuracy_interval(0.9, n) for n in (10, 100, 1000))]
    assert widths == sorted(widths, reverse=True)


@pytest.mark.parametrize(
    ("probabilities", "labels", "names", "message"),
    [
        ([[2.5, -1.0]], [0], "ab", "sum to one; received sum 1.5.*softmax"),
        ([[1.5, -0.5]], [0], "ab", "minimum -0.5"),
        ([[0.5, np.nan]], [0], "ab", "finite probabilities; received NaN or infinity in 1 of 1"),
        ([0.5, 0.5], [0], "ab", "shape \\(examples, classes\\)"),
        (np.zeros((0, 2)), [], "ab", "at least one of each; received shape \\(0, 2\\)"),
        ([[0.5, 0.5]], [0, 1], "ab", "one label for each of the 1 rows"),
        ([[0.5, 0.5]], [[1, 0]], "ab", "not one-hot rows"),
        ([[0.5, 0.5]], [0.0], "ab", "labels to be integers; received dtype float64"),
        ([[0.5, 0.5]], [2], "ab", "labels from 0 to 1.*from 2 to 2"),
        ([[0.5, 0.5]], [-1], "ab", "labels from 0 to 1"),
        ([[0.5, 0.5]], [1], "abc", "each of the 2 columns.*received 3 class names"),
    ],
)
def test_what_does_not_fit_is_refused(probabilities, labels, names, message):
    with pytest.raises(InputError, match=message):
        evaluate_predictions(probabilities, labels, names)


@pytest.mark.parametrize(("accuracy", "n"), [(1.2, 10), (float("nan"), 10), (0.5, 0), (0.5, 2.5)])
def test_interval_refuses_impossible_numbers(accuracy, n):
    with pytest.raises(InputError, match="Expected (accuracy|n) to be"):
        accuracy_interval(accuracy, n)


def test_float16_probabilities_are_accepted():
    probabilities, labels = random_predictions(num_classes=100)
    metrics = evaluate_predictions(probabilities.astype(np.float16), labels, range(100))
    assert metrics["per_class"][7]["class"] == "7"


def test_the_first_right_answer_of_each_class_that_has_one():
    probabilities = np.eye(4)[[0, 1, 1, 2, 2, 0]]
    labels = [0, 2, 1, 2, 1, 3]
    assert first_correct(probabilities, labels).tolist() == [0, 2, 3]
    assert first_correct(probabilities, labels, limit=2).tolist() == [0, 2]
    assert first_correct(probabilities[4:], labels[4:]).tolist() == []
