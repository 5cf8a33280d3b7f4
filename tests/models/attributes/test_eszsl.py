"""ESZSL: its closed form minimises its objective, and unseen combinations are recognised."""

import numpy as np
import pytest

from tests.models.attributes.described_features import (
    SHAPES,
    UNSEEN,
    features_of,
    seen_features,
    word_vectors,
)
from tl_keras.checks import InputError
from tl_keras.models.attributes.eszsl import ESZSL


@pytest.fixture(scope="module")
def fitted():
    return ESZSL(SHAPES).fit(*seen_features())


def test_closed_form_solves_the_normal_equations_of_the_paper():
    described = word_vectors(5, 3)
    x, y = seen_features(described, [4], dimensions=4)
    gamma, weight = 0.7, 0.3
    model = ESZSL(described, strength=(gamma, weight)).fit(x, y)
    x = (x - model.mean) / model.deviation
    s = described.values[:4] / np.linalg.norm(described.values[:4], axis=1, keepdims=True)
    targets = np.where(y[:, None] == np.arange(4), 1, -1)
    gamma, weight = gamma * len(x), weight * np.trace(s.T @ s) / 3
    # Every entry of V is an unknown of its own; vec stacks columns.
    left, right = x.T @ x + gamma * np.eye(4), s.T @ s + weight * np.eye(3)
    slow = np.linalg.solve(np.kron(right, left), (x.T @ targets @ s).ravel("F"))
    v = model._fitted.between.kernel
    np.testing.assert_allclose(v, slow.reshape(4, 3, order="F"), rtol=1e-4)

    def objective(v):
        of_features, of_classes = x @ v, v @ s.T
        fit = np.square(of_features @ s.T - targets).sum()
        penalty = gamma * np.square(of_classes).sum() + weight * np.square(of_features).sum()
        return fit + penalty + gamma * weight * np.square(v).sum()

    for place in np.ndindex(v.shape):  # the minimum: no step leads lower
        for step in (1e-3, -1e-3):
            moved = v.copy()
            moved[place] += step
            assert objective(moved) > objective(v)


def test_unseen_combinations_are_recognised(fitted):
    test = features_of(SHAPES, 4, seed=1)
    assert fitted.evaluate(*test)["accuracy"] > 0.95
    general = fitted.evaluate(*test, generalized=True)
    assert general["harmonic_mean"] > 0.8
    assert set(fitted.unseen) == {SHAPES.class_names[row] for row in UNSEEN}


def test_word_vectors_tell_unseen_classes_apart():
    described = word_vectors(16, 4)
    model = ESZSL(described).fit(*seen_features(described, [3, 7]))
    assert model.evaluate(*features_of(described, 10, seed=1))["accuracy"] > 0.9


def test_predictions_are_those_of_the_candidates_in_their_order(fitted):
    x, _ = features_of(SHAPES, 1, seed=2)
    first = fitted.predict(x, classes=SHAPES.class_names[:3])
    turned = fitted.predict(x, classes=[2, 0, 1])
    np.testing.assert_allclose(first.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(turned, first[:, [2, 0, 1]], rtol=1e-5)
    assert fitted.predict(x).shape == (108, 108)


def test_calibration_takes_a_constant_off_seen_classes_only_beside_unseen_ones(fitted):
    x, _ = features_of(SHAPES, 1, seed=2)
    choice = fitted.choices.among_all
    scores = fitted.scores(x, among_all=True) - choice.calibration * fitted.seen
    np.testing.assert_array_equal(fitted.predict(x).argmax(1), scores.argmax(1))
    between = fitted.scores(x)[:, UNSEEN]
    predicted = fitted.predict(x, classes=UNSEEN.tolist())
    np.testing.assert_array_equal(predicted.argmax(1), between.argmax(1))


@pytest.mark.parametrize("classes", [None, UNSEEN.tolist()])
def test_keras_model_has_the_probabilities_of_predict(fitted, classes):
    x, _ = features_of(SHAPES, 1, seed=2)
    model = fitted.to_keras(classes)
    found = model.predict(x.astype(np.float32), verbose=0)
    np.testing.assert_allclose(found, fitted.predict(x, classes), atol=1e-4)


def test_names_are_labels_too():
    x, y = seen_features()
    named = [SHAPES.class_names[label] for label in y]
    one, other = (ESZSL(SHAPES, strength=(1.0, 1.0)).fit(x, labels) for labels in (y, named))
    np.testing.assert_array_equal(one.scores(x), other.scores(x))


def test_with_three_seen_classes_nothing_is_held_out_and_it_fits_all_the_same():
    described = word_vectors(5, 4)
    model = ESZSL(described).fit(*seen_features(described, [3, 4]))
    assert model.choices.between.accuracy is None
    assert model.evaluate(*features_of(described, 5, seed=1))["accuracy"] > 0.5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, y: (x * np.nan, y), "Expected finite features"),
        (lambda x, y: (x * 0, y), "received the same for all"),
        (lambda x, y: (x[:, 0], y), r"features of shape \(n, d\)"),
        (lambda x, y: (x, y[:3]), "Expected a class for each of"),
        (lambda x, y: (x, y * 0), "at least two classes to learn from"),
        (lambda x, y: (x, ["cat"] * len(x)), "received none of cat"),
    ],
)
def test_features_and_labels_that_cannot_be_used_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        ESZSL(SHAPES).fit(*change(*seen_features()))


def test_use_before_fit_and_other_features_are_refused(fitted):
    x, y = features_of(SHAPES, 1)
    with pytest.raises(InputError, match="Expected a fitted ESZSL"):
        ESZSL(SHAPES).predict(x)
    with pytest.raises(InputError, match=r"features of shape \(n, 24\)"):
        fitted.predict(x[:, :5])
    with pytest.raises(InputError, match="Expected classes to be a sequence"):
        fitted.predict(x, classes="red_plain_ring")
    with pytest.raises(InputError, match="received none of unseen ones"):
        fitted.evaluate(x[~np.isin(y, UNSEEN)], y[~np.isin(y, UNSEEN)])
