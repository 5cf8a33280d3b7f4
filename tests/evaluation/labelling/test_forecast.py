"""Learning curves measured by holding out, and their forecasts."""

import dataclasses

import numpy as np
import pytest

from tests.evaluation.labelling.test_labelling import blobs
from tl_keras import InputError
from tl_keras.evaluation.labelling.forecast import (
    Curve,
    classes_in_need,
    forecast,
    inputs_of,
    measure_curve,
    shipped_table,
)
from tl_keras.evaluation.labelling.head import unit_rows


def curve(**changed):
    made = Curve(100, 4, (25, 50, 80), (0.6, 0.7, 0.75), 0.6, np.ones(100))
    return dataclasses.replace(made, **changed)


def test_images_are_measured_by_fits_without_them():
    features, _ = blobs(each=20, d=200)
    random = np.random.default_rng(1).integers(0, 3, len(features))  # nothing can be learned
    found = measure_curve(unit_rows(features), random, 3)
    assert found.sizes == (15, 30, 48)
    assert np.mean(found.accuracies) < 0.5
    assert found.right.shape == (60,)


def test_curve_rises_with_the_images_that_are_fitted_on():
    features, labels = blobs(each=30, classes=4, d=60)
    features += 3 * np.random.default_rng(3).normal(size=features.shape)
    found = measure_curve(unit_rows(features), labels, 4)
    assert found.accuracies[0] < found.accuracies[1] < found.accuracies[2]
    assert measure_curve(unit_rows(features), labels, 4).accuracies == found.accuracies


def test_copies_are_held_out_together():
    features, _ = blobs(each=20, d=200)
    random = np.random.default_rng(1).integers(0, 3, len(features))  # nothing can be learned
    order = np.random.default_rng(2).permutation(4 * len(features))
    groups = np.tile(np.arange(len(features)), 4)[order]
    rows, labels = unit_rows(features)[groups], random[groups]
    assert measure_curve(rows, labels, 3).accuracies[-1] > 0.95  # each has a copy among the fitted
    found = measure_curve(rows, labels, 3, groups=groups)
    assert max(found.accuracies) < 0.5 and found.right.shape == (240,)
    plain = measure_curve(unit_rows(features), random, 3)
    alone = measure_curve(unit_rows(features), random, 3, groups=np.arange(60) * 7 - 5)
    assert alone.accuracies == plain.accuracies and (alone.right == plain.right).all()


def test_groups_of_any_size_leave_images_to_measure():
    features, labels = blobs(each=40)
    groups = np.append(np.zeros(110, int), np.arange(1, 11))  # nearly all in one
    found = measure_curve(unit_rows(features), labels, 3, groups=groups)
    assert np.isfinite(found.accuracies).all() and found.right.shape == (120,)
    with pytest.raises(InputError, match="at least 10 .*, copies counted once; received 9"):
        measure_curve(unit_rows(features), labels, 3, groups=np.maximum(groups, 2))


def test_a_class_of_copies_alone_is_fitted_on_and_counts_as_one_error():
    features, labels = blobs(each=20, d=40)
    groups = np.where(labels == 2, 60, np.arange(60))
    features[labels == 2] = features[2]
    found = measure_curve(unit_rows(features), labels, 3, groups=groups)
    assert found.accuracies[-1] > 0.9  # it is not asked of fits that never saw it
    assert (1 - found.right[labels == 2]).sum() == pytest.approx(1)


def test_confidence_is_that_on_images_without_a_label_where_there_are_any():
    features, labels = blobs(each=20)
    rows = unit_rows(features)
    sure = measure_curve(rows[:30], labels[:30], 3, others=rows[30:]).confidence
    assert sure != measure_curve(rows[:30], labels[:30], 3).confidence


def test_regression_sees_log_odds_and_numbers_of_images():
    measured = np.log([75.5 / 25.5, 70.5 / 30.5, 60.5 / 40.5, 60.5 / 40.5])
    expected = [1, *measured, np.log(25), np.log(4)]
    np.testing.assert_allclose(inputs_of(curve()), expected)


def test_forecast_is_on_the_line_between_the_rows_of_its_table():
    row = {"weights": [0.0] * 7, "low": -1.0, "high": 2.0}
    better = row | {"weights": [np.log(3.0)] + [0.0] * 6}
    table = {"random": {"1": row, "2": better, "4": better}}
    found = forecast(curve(), 100, table=table)
    size = np.sqrt(0.5 * 0.5 / 100 + 0.02**2)
    expected = (0.5, 0.5 - size, 0.5 + 2 * size)
    np.testing.assert_allclose((found.expected, found.low, found.high), expected)
    assert forecast(curve(), 200, table=table).expected == pytest.approx(0.75)
    assert forecast(curve(), 141, table=table).expected == pytest.approx(0.625, abs=2e-3)
    assert forecast(curve(), 400, table=table).expected == pytest.approx(0.75)


@pytest.mark.parametrize("kind", ["random", "chosen"])
def test_shipped_table_forecasts_a_plausible_accuracy(kind):
    assert set(shipped_table()[kind]) == {"1", "2", "4"}
    now, then = (forecast(curve(), labels, kind=kind) for labels in (100, 400))
    assert now.low < now.expected < now.high
    assert 0.7 < now.expected < then.expected < 0.95
    assert then.high - then.low < 0.4
    perfect = curve(accuracies=(1.0, 1.0, 1.0), confidence=0.99)
    assert 0.9 < forecast(perfect, kind=kind).expected <= forecast(perfect, kind=kind).high <= 1


def test_numbers_of_labels_out_of_range_are_refused():
    for labels in (99, 401):
        with pytest.raises(InputError, match=f"100 to 400 labels .* received {labels}"):
            forecast(curve(), labels)
    features, labels = blobs(each=3)
    with pytest.raises(InputError, match="at least 10 labelled images .* received 9"):
        measure_curve(unit_rows(features), labels, 3)


def test_classes_in_need_have_the_share_of_the_errors():
    labels = np.array([0, 0, 1, 1])
    some = curve(num_classes=2, right=np.array([1, 1, 0.5, 0.0]))
    np.testing.assert_allclose(classes_in_need(some, labels), [0, 1])
    without = curve(num_classes=3, right=np.array([1, 0.5, 1, 0.5]))
    np.testing.assert_allclose(classes_in_need(without, labels), [0.25, 0.25, 0.5])
    all_right = curve(num_classes=2, right=np.ones(4))
    np.testing.assert_allclose(classes_in_need(all_right, labels), [0.5, 0.5])
