"""Descriptors of a training set against slow versions and closed forms."""

import numpy as np
import pytest

from tl_keras.data.dataset import ImageDataset
from tl_keras.evaluation.encoders.probes import unit_rows
from tl_keras.evaluation.policy.descriptors import (
    NAMES,
    describe,
    held_out_figures,
    prototype_left_out,
)
from tl_keras.evaluation.policy.logme import logme
from tl_keras.training.few_shot.rules import prototype


def clusters(per_class=8, classes=3, dimensions=6, spread=1.0, seed=0):
    """Features (n, d) around a mean for each class, and labels (n,)."""
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(classes), per_class)
    means = 3 * random.normal(size=(classes, dimensions))
    features = means[labels] + spread * random.normal(size=(len(labels), dimensions))
    return features.astype(np.float32), labels


def log_density(features, y, alpha, beta):
    """Log of N(y; 0, 1 / beta + F F' / alpha), by its covariance matrix."""
    covariance = np.eye(len(y)) / beta + features @ features.T / alpha
    _, determinant = np.linalg.slogdet(covariance)
    quadratic = y @ np.linalg.solve(covariance, y)
    return -0.5 * (len(y) * np.log(2 * np.pi) + determinant + quadratic)


def best_density(features, y):
    """The largest log density over alpha and beta, by search."""
    import scipy.optimize

    def objective(logs):
        return -log_density(features, y, *np.exp(logs))

    starts = [(a, b) for a in (-3.0, 0.0, 3.0) for b in (-1.0, 2.0)]
    options = {"xatol": 1e-8, "fatol": 1e-10, "maxiter": 4000}
    found = [
        scipy.optimize.minimize(objective, at, method="Nelder-Mead", options=options)
        for at in starts
    ]
    return -min(each.fun for each in found)


@pytest.mark.parametrize("dimensions", [4, 40])  # fewer than images, and more
def test_logme_is_the_largest_evidence_for_each_image(dimensions):
    features, labels = clusters(dimensions=dimensions, spread=4.0)
    features = features.astype(np.float64)
    columns = [(labels == each).astype(float) for each in range(3)]
    expected = np.mean([best_density(features, y) / len(y) for y in columns])
    assert logme(features, labels) == pytest.approx(expected, abs=2e-4)


def test_logme_is_higher_for_features_that_tell_the_classes():
    features, labels = clusters()
    mixed = np.random.default_rng(1).permutation(labels)
    assert logme(features, labels) > logme(features, mixed) + 0.1


def nearest_prototype(features, labels, asked):
    fitted = prototype(unit_rows(features)[None], labels, labels.max() + 1)
    return fitted.logits(unit_rows(asked)).argmax(axis=1)


def test_prototype_left_out_is_that_of_fits_without_the_image():
    features, labels = clusters(spread=5.0)
    slow = []
    for row in range(len(labels)):
        kept = np.arange(len(labels)) != row
        found = nearest_prototype(features[kept], labels[kept], features[row : row + 1])
        slow.append(found[0] == labels[row])
    assert 0.3 < np.mean(slow) < 1  # neither perfect nor hopeless, or the test would tell nothing
    assert prototype_left_out(features, labels) == pytest.approx(np.mean(slow))


def test_prototype_leaves_out_the_images_of_a_group_that_are_of_its_class():
    features, labels = clusters(spread=5.0)
    groups, slow = np.arange(len(labels)) % 5, []
    for row in range(len(labels)):
        kept = (groups != groups[row]) | (labels != labels[row])
        found = nearest_prototype(features[kept], labels[kept], features[row : row + 1])
        slow.append(found[0] == labels[row])
    assert np.mean(slow) != prototype_left_out(features, labels)
    assert prototype_left_out(features, labels, groups) == pytest.approx(np.mean(slow))
    assert np.isnan(prototype_left_out(features, labels, labels))


def test_nearest_prototype_is_right_on_separated_classes_and_nan_with_one_image_each():
    features, labels = clusters(spread=0.01)
    assert (nearest_prototype(features, labels, features) == labels).all()
    assert prototype_left_out(features, labels) == 1
    assert np.isnan(prototype_left_out(features[::8], labels[::8]))


def test_held_out_figures_count_rows_that_were_held_out_only():
    probabilities = np.array([[0.8, 0.2], [0.4, 0.6], [np.nan, np.nan]])
    accuracy, loss = held_out_figures(probabilities, np.array([0, 0, 1]))
    assert accuracy == 0.5
    assert loss == pytest.approx(-(np.log(0.8) + np.log(0.4)) / 2)
    assert np.isnan(held_out_figures(probabilities[2:], np.array([1]))).all()


def test_descriptors_tell_size_colour_and_number_of_images():
    features, labels = clusters(per_class=4)
    grey = np.random.default_rng(0).integers(0, 256, (12, 10, 20), np.uint8)
    found = describe(ImageDataset.from_arrays(grey, labels), features)
    assert tuple(found) == NAMES
    assert (found["classes"], found["images"], found["rarest"]) == (3, 12, 4)
    assert (found["side"], found["grey"], found["labels_per_class"]) == (10, 1, 4)
    colour = np.random.default_rng(0).integers(0, 256, (12, 10, 20, 3), np.uint8)
    assert describe(ImageDataset.from_arrays(colour, labels), features)["grey"] == 0


def test_descriptors_with_one_image_of_each_class_expect_nothing():
    features, labels = clusters(per_class=1)
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8), np.uint8)
    found = describe(ImageDataset.from_arrays(images, labels), features)
    assert np.isnan(found["linear_accuracy"])
    assert np.isnan(found["prototype_accuracy"])
