"""Sentences say what the numbers say."""

import pytest

from tl_keras.evaluation.classifiers.classification import accuracy_interval, evaluate_predictions
from tl_keras.reports.wording.numbers import (
    accuracy_texts,
    difference_sentence,
    format_duration,
    format_percent,
    reliability_sentence,
    top_confusions,
)


def metrics_of(confidence, num_right, num_wrong):
    """Half the images are cats; answers with one confidence, so many of them right."""
    rows, labels = [], []
    for i in range(num_right + num_wrong):
        label = i % 2
        answer = label if i < num_right else 1 - label
        rows.append([confidence, 1 - confidence] if answer == 0 else [1 - confidence, confidence])
        labels.append(label)
    return evaluate_predictions(rows, labels, ["cat", "dog"])


def test_accuracy_is_compared_with_always_the_most_frequent_class():
    number, words, text = accuracy_texts(metrics_of(0.9, 90, 10))
    low, high = accuracy_interval(0.9, 100)
    assert number == "90.0%" and f"interval {low:.1%} to {high:.1%}" in words
    assert "classifies 90 of 100 images correctly" in text and "an accuracy of 50.0%" in text
    assert "learned something" in text


def test_test_images_that_were_trained_on_are_not_said_to_be_new():
    assert "took no part in training" in accuracy_texts(metrics_of(0.9, 9, 1))[1]
    words = accuracy_texts(metrics_of(0.9, 9, 1), 2)[1]
    assert "10 test images</b> (2 of them the same as" in words and "no part" not in words


@pytest.mark.parametrize(
    ("right", "wrong", "words"),
    [(6, 4, "do not show that the model has learned"), (20, 80, "worse than that")],
)
def test_verdict_does_not_praise_chance(right, wrong, words):
    assert words in accuracy_texts(metrics_of(0.9, right, wrong))[2]


@pytest.mark.parametrize(
    ("confidence", "right", "words"),
    [
        (0.9, 360, "the confidence is reliable"),
        (0.99, 300, "overconfident"),
        (0.6, 380, "underconfident"),
    ],
)
def test_reliability_in_words(confidence, right, words):
    sentence = reliability_sentence(metrics_of(confidence, right, 400 - right))
    assert words in sentence
    assert "rough" not in sentence


def test_gaps_that_cancel_are_not_called_honest():
    rows = [[0.9, 0.1]] * 200 + [[0.6, 0.4]] * 200
    labels = [0] * 140 + [1] * 60 + [0] * 160 + [1] * 40
    assert "in some ranges" in reliability_sentence(evaluate_predictions(rows, labels, "ab"))


def test_an_error_that_chance_gives_is_no_reason_for_doubt():
    rows = [[0.9, 0.1]] * 20 + [[0.6, 0.4]] * 20
    labels = [0] * 17 + [1] * 3 + [0] * 13 + [1] * 7  # 85 and 65 %
    assert "the confidence is reliable" in reliability_sentence(
        evaluate_predictions(rows, labels, "ab")
    )


def test_few_images_are_called_a_rough_estimate():
    assert "With 10 images this is a rough" in reliability_sentence(metrics_of(0.9, 9, 1))


def test_most_frequent_confusion_comes_first():
    metrics = {
        "confusion_matrix": [[5, 2, 0], [3, 4, 0], [1, 0, 9]],
        "per_class": [{"class": c, "support": n} for c, n in (("a", 7), ("b", 7), ("c", 10))],
    }
    pairs = top_confusions(metrics, limit=2)
    assert [(p["true"], p["predicted"], p["count"], p["support"]) for p in pairs] == [
        ("b", "a", 3, 7),
        ("a", "b", 2, 7),
    ]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.42, "0.4 s"),
        (9.97, "10 s"),
        (59.7, "1 min 0 s"),
        (200, "3 min 20 s"),
        (7500, "2 h 5 min"),
    ],
)
def test_durations(seconds, words):
    assert format_duration(seconds) == words


@pytest.mark.parametrize(
    ("share", "words"), [(0, "0.0%"), (0.934, "93.4%"), (1, "100.0%"), (0.9999, "99.9%")]
)
def test_percent_says_all_only_for_all(share, words):
    assert format_percent(share) == words


@pytest.mark.parametrize(
    ("difference", "half", "n", "text"),
    [
        (0.13, 0.026, 1347, "Transfer is ahead of scratch by 13.0 ± 2.6 points on 1,347 images."),
        (-0.05, 0.02, 300, "Transfer is behind scratch by 5.0 ± 2.0 points on 300 images."),
        (
            0.012,
            0.03,
            300,
            "No significant difference between transfer and scratch (transfer 1.2 ± 3.0 points "
            "ahead) on 300 images.",
        ),
        (
            -0.012,
            0.012,
            1,
            "No significant difference between transfer and scratch (transfer 1.2 ± 1.2 points "
            "behind) on 1 image.",
        ),
        (
            0.0,
            0.0003,
            10_000,
            "No significant difference between transfer and scratch (0.00 ± 0.03 points) on 10,000 "
            "images.",
        ),
        (0.0251, 0.0249, 40, "Transfer is ahead of scratch by 2.51 ± 2.49 points on 40 images."),
    ],
)
def test_difference_is_said_as_strongly_as_the_interval_allows(difference, half, n, text):
    assert difference_sentence("transfer", "scratch", difference, half, n) == text
