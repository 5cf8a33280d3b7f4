"""Logistic regression without copies, beside scikit-learn's."""

import numpy as np
import pytest
import sklearn.linear_model

from tl_keras.training.fine_tuning import logistic_regression
from tl_keras.training.fine_tuning.logistic_regression import LogisticRegression

STRENGTH = 0.3


def data(images, classes, dimensions=12, dtype=np.float32):
    generator = np.random.default_rng(images)
    labels = np.arange(images) % classes
    centres = generator.normal(0, 1, (classes, dimensions))
    views = centres[labels] + generator.normal(0, 2, (2, images, dimensions))
    views *= generator.uniform(0.1, 10, dimensions)  # some directions vary far more than others
    return (views + 4).astype(dtype), labels


def regression_on(views, labels, classes):
    rows = np.concatenate(views).astype(np.float32)
    scaling = rows.mean(axis=0), rows.std(axis=0)
    return LogisticRegression(views, labels, classes, *scaling), scaling


def theirs(views, labels, scaling, weights, strength=STRENGTH):
    """Probabilities (n, classes) of scikit-learn's solution, a mean over the views."""
    mean, scale = (part.astype(np.float64) for part in scaling)
    views = [(view - mean) / scale for view in views]
    fit = sklearn.linear_model.LogisticRegression(C=strength / 2, tol=1e-9, max_iter=5000)
    fit.fit(np.concatenate(views), np.tile(labels, 2), np.tile(weights, 2))
    return np.mean([fit.predict_proba(view) for view in views], axis=0)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("images", [9, 40, 300])  # fewer than dimensions, rotated, read in blocks
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_the_solution_is_that_of_scikit_learn(monkeypatch, images, classes, dtype):
    monkeypatch.setattr(logistic_regression, "_BLOCK", 70)
    views, labels = data(images, classes, dimensions=24, dtype=dtype)
    regression, scaling = regression_on(views, labels, classes)
    weights = np.random.default_rng(1).integers(0, 3, images).astype(float)  # some are held out
    found = regression.fit(STRENGTH, weights)
    expected = theirs(views, labels, scaling, weights)
    np.testing.assert_allclose(regression.predict(found), expected, atol=1e-3)
    logits = views.astype(np.float64) @ found.kernel + found.bias
    ours = np.exp(logits - logits.max(axis=2, keepdims=True))
    ours = (ours / ours.sum(axis=2, keepdims=True)).mean(axis=0)
    np.testing.assert_allclose(ours, expected, atol=1e-3)


def test_it_is_the_solution_too_where_no_main_directions_can_be_found(monkeypatch):
    monkeypatch.setattr(logistic_regression, "_MOST", 8)
    monkeypatch.setattr(logistic_regression, "_BLOCK", 8)
    views, labels = data(50, 3)
    regression, scaling = regression_on(views, labels, 3)
    assert regression._basis is None
    expected = theirs(views, labels, scaling, np.ones(50))
    np.testing.assert_allclose(regression.predict(regression.fit(STRENGTH)), expected, atol=1e-3)


@pytest.mark.parametrize("images", [40, 300])
def test_some_images_alone_are_a_regression_of_their_own(images):
    views, labels = data(images, 3)
    regression, scaling = regression_on(views, labels, 3)
    rows = np.flatnonzero(np.arange(images) % 5 != 2)
    some = regression.of(rows)
    expected = theirs(views[:, rows], labels[rows], scaling, np.ones(len(rows)))
    np.testing.assert_allclose(some.predict(some.fit(STRENGTH)), expected, atol=1e-3)


def test_a_row_of_strengths_ends_where_a_single_one_does():
    views, labels = data(60, 3)
    regression, scaling = regression_on(views, labels, 3)
    found = None
    for strength in (0.003, 0.03, STRENGTH):
        found = regression.fit(strength, begun=found, in_a_row=True)
    expected = theirs(views, labels, scaling, np.ones(60))
    np.testing.assert_allclose(regression.predict(found), expected, atol=1e-3)
