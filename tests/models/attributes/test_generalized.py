"""Accuracies as means over classes, harmonic mean, calibration and scale."""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from tl_keras.models.attributes.class_folds import class_folds, split_rows
from tl_keras.models.attributes.generalized import (
    choose_calibration,
    choose_scale,
    class_accuracy,
    generalized_accuracies,
    harmonic_mean,
)


def scores_of(labels, classes=6, noise=1.0):
    drawn = np.random.default_rng(0).normal(size=(len(labels), classes)) * noise
    drawn[np.arange(len(labels)), labels] += 2.0
    return drawn


LABELS = np.repeat(np.arange(6), (40, 10, 20, 20, 5, 30))
SEEN = np.array([True, True, True, True, False, False])


def test_accuracy_is_the_mean_over_classes():
    predicted = scores_of(LABELS).argmax(axis=1)
    assert class_accuracy(predicted, LABELS) == pytest.approx(
        balanced_accuracy_score(LABELS, predicted)
    )


def test_harmonic_mean_of_one_and_a_half_is_two_thirds_and_of_zero_is_zero():
    assert harmonic_mean(1.0, 0.5) == pytest.approx(2 / 3)
    assert harmonic_mean(1.0, 0.0) == harmonic_mean(0.0, 0.0) == 0.0


def test_calibration_finds_the_offset_by_which_seen_classes_are_ahead():
    fair = scores_of(LABELS)
    biased = fair + 1.7 * SEEN
    offset, harmonic = choose_calibration([(biased, LABELS, SEEN)])
    before = generalized_accuracies(biased, LABELS, SEEN)["harmonic_mean"]
    assert offset == pytest.approx(1.7, abs=0.8)
    assert harmonic > before + 0.05
    after = generalized_accuracies(biased - offset * SEEN, LABELS, SEEN)
    assert after["harmonic_mean"] == pytest.approx(harmonic)


def test_scale_finds_the_factor_that_was_taken_off_logits():
    generator = np.random.default_rng(1)
    logits = generator.normal(size=(4000, 5)) * 2
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (shares.cumsum(axis=1) > generator.uniform(size=(4000, 1))).argmax(axis=1)
    assert choose_scale([(logits / 7, labels)]) == pytest.approx(7, rel=0.2)


def test_folds_hold_out_as_many_classes_as_are_unseen_and_leave_two():
    seen = np.array([1, 3, 4, 6, 8, 9, 10, 12])
    folds = class_folds(seen, 2, seed=0)
    assert len(folds) >= 8 and {len(fold) for fold in folds} == {2}
    assert {label for fold in folds[:4] for label in fold} == set(seen)
    assert {len(fold) for fold in class_folds(seen[:4], 50, seed=0)} == {2}
    assert len(class_folds(np.arange(90), 18, seed=0)) == 5


def test_a_fifth_of_each_class_is_held_out_and_the_only_image_of_a_class_never():
    labels = np.repeat([2, 5, 7], (10, 5, 1))
    fitted, held = split_rows(labels, seed=0)
    assert sorted((*fitted, *held)) == list(range(16))
    np.testing.assert_array_equal(np.sort(labels[held]), [2, 2, 5])
