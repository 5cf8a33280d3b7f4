"""Rules on features: each equals its slow or closed form, and every class counts the same."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from tl_keras.training.few_shot.rules import PENALTY, RULES, nearest, prototype, ridge


def clusters(per_class, num_classes=3, dims=6, spread=1.0, seed=0, views=1):
    """Features (views, n, dims) around a centre of each class, and labels."""
    rng = np.random.default_rng(seed)
    centres = 4 * np.eye(num_classes, dims)
    labels = np.repeat(np.arange(num_classes), per_class)
    noise = spread * rng.normal(size=(views, len(labels), dims))
    return np.float32(centres[labels] + noise), labels


def test_prototype_is_softmax_of_minus_the_squared_distance_to_the_mean():
    features, labels = clusters(4, views=2)
    queries, _ = clusters(5, seed=1)
    means = [features[:, labels == c].reshape(-1, 6).mean(axis=0) for c in range(3)]
    distances = np.array([[((q - m) ** 2).sum() for m in means] for q in queries[0]])
    expected = np.exp(-distances) / np.exp(-distances).sum(axis=1, keepdims=True)
    found = prototype(features, labels, 3).predict(queries)[0]
    np.testing.assert_allclose(found, expected, rtol=2e-4, atol=1e-6)


@pytest.mark.parametrize("name", RULES)
def test_perfect_prototypes_give_all_of_one_image_a_class(name):
    features, labels = clusters(1, num_classes=20, dims=20, spread=0)
    queries, truth = clusters(3, num_classes=20, dims=20, spread=0.05, seed=2)
    found = RULES[name](features, labels, 20).predict(queries)[0]
    assert (found.argmax(axis=1) == truth).all()


def test_nearest_equals_a_search_of_all_rows_for_classes_of_any_size():
    features, labels = clusters(5, spread=4.0, views=2)
    kept = np.array([0, 5, 6, 10, 11, 12, 13])  # one, two and four images
    features, labels = features[:, kept], labels[kept]
    queries, _ = clusters(30, spread=4.0, seed=3)
    rows, own = features.reshape(-1, 6), np.tile(labels, 2)
    distances = ((queries[0][:, None] - rows) ** 2).sum(axis=-1)
    found = nearest(features, labels, 3).logits(queries[0]).argmax(axis=1)
    np.testing.assert_array_equal(found, own[distances.argmin(axis=1)])


def test_ridge_equals_that_of_scikit_learn():
    features, labels = clusters(4, views=2)
    x, y = features.reshape(-1, 6), np.eye(3)[np.tile(labels, 2)]
    centred = x - x.mean(axis=0)
    penalty = PENALTY * (centred**2).sum(axis=1).mean()
    expected = Ridge(alpha=penalty).fit(x, y)
    queries, _ = clusters(5, seed=1)
    found = ridge(features, labels, 3).logits(queries[0])
    np.testing.assert_allclose(found, expected.predict(queries[0]), atol=1e-5)


@pytest.mark.parametrize("name", RULES)
def test_a_class_with_more_images_is_not_preferred(name):
    # Half-way between the classes: with shares of nine to one the larger class would win.
    labels = np.array([0] * 9 + [1])
    features = np.where(labels == 0, 1.0, -1.0)[None, :, None] * np.ones((1, 10, 2))
    found = RULES[name](np.float32(features), labels, 2).predict(np.zeros((1, 1, 2), np.float32))
    np.testing.assert_allclose(found[0, 0], 0.5, atol=1e-3)
