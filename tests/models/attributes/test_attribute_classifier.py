"""Direct attribute prediction: the posterior of the paper, and regressions as scikit-learn's."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from tests.models.attributes.described_features import (
    SHAPES,
    UNSEEN,
    features_of,
    seen_features,
    word_vectors,
)
from tl_keras.data.sources.class_descriptions import ClassDescriptions
from tl_keras.models.attributes.attribute_classifier import AttributeClassifier

STRENGTH = 0.01


@pytest.fixture(scope="module")
def fitted():
    return AttributeClassifier(SHAPES, strength=STRENGTH).fit(*seen_features())


def test_posterior_is_the_product_over_attributes_divided_by_their_priors(fitted):
    x, _ = features_of(SHAPES, 1, seed=1)
    has = fitted.predict_attributes(x)[:, None]
    wanted = SHAPES.values[UNSEEN][None]
    priors = SHAPES.values[fitted.seen].mean(axis=0)
    likelihood = np.where(wanted == 1, has / priors, (1 - has) / (1 - priors))
    expected = np.log(likelihood).sum(axis=2)
    found = fitted.scores(x)[:, UNSEEN]
    expected, found = (each - each.mean(axis=1, keepdims=True) for each in (expected, found))
    factor = (expected * found).sum() / (expected * expected).sum()  # the scores are scaled
    np.testing.assert_allclose(found, factor * expected, atol=1e-3)


def test_an_attribute_is_the_logistic_regression_of_scikit_learn(fitted):
    x, y = seen_features()
    scaled = (x - fitted.mean) / fitted.deviation
    own = LogisticRegression(C=1 / (STRENGTH * len(x)), tol=1e-8, max_iter=1000)
    own.fit(scaled, SHAPES.values[y][:, 4])
    new, _ = features_of(SHAPES, 1, seed=1)
    expected = own.predict_proba((new - fitted.mean) / fitted.deviation)[:, 1]
    np.testing.assert_allclose(fitted.predict_attributes(new)[:, 4], expected, atol=5e-3)


def test_a_column_of_many_values_is_the_ridge_regression_of_scikit_learn():
    described = word_vectors()
    x, y = seen_features(described, [0, 1])
    model = AttributeClassifier(described, strength=0.1).fit(x, y)
    scaled = (x - model.mean) / model.deviation
    own = Ridge(alpha=0.1 * len(x)).fit(scaled, described.values[y])
    np.testing.assert_allclose(model.predict_attributes(x), own.predict(scaled), atol=1e-3)


def test_unseen_combinations_are_recognised_with_a_chosen_strength():
    model = AttributeClassifier(SHAPES).fit(*seen_features(per_class=3))
    test = features_of(SHAPES, 3, seed=1)
    assert model.evaluate(*test)["accuracy"] > 0.95
    assert model.evaluate(*test, generalized=True)["harmonic_mean"] > 0.8


def test_word_vectors_tell_unseen_classes_apart():
    described = word_vectors(16, 4)
    model = AttributeClassifier(described).fit(*seen_features(described, [3, 7]))
    assert model.evaluate(*features_of(described, 10, seed=1))["accuracy"] > 0.9


def test_an_attribute_that_all_seen_classes_share_counts_for_nothing_and_is_nan():
    values = np.column_stack([SHAPES.values, np.isin(np.arange(108), UNSEEN)])
    described = ClassDescriptions(SHAPES.class_names, (*SHAPES.columns, "new"), values)
    x, y = seen_features()
    model = AttributeClassifier(described, strength=STRENGTH).fit(x, y)
    without = AttributeClassifier(SHAPES, strength=STRENGTH).fit(x, y)
    assert np.isnan(model.predict_attributes(x)[:, -1]).all()
    np.testing.assert_allclose(model.scores(x), without.scores(x), atol=1e-3)


def test_keras_model_has_the_probabilities_of_predict(fitted):
    x, _ = features_of(SHAPES, 1, seed=1)
    found = fitted.to_keras().predict(x.astype(np.float32), verbose=0)
    np.testing.assert_allclose(found, fitted.predict(x), atol=1e-4)
