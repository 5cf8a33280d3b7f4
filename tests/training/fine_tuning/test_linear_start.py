"""The logistic regression that fine-tuning starts from."""

import tracemalloc

import keras
import numpy as np
import pytest
import scipy.optimize

from tl_keras import InputError, build_classifier
from tl_keras.training.fine_tuning import linear_start, logistic_regression
from tl_keras.training.fine_tuning.linear_start import (
    FLOOR,
    SOFTEST,
    STRENGTHS,
    fit_linear_start,
    last_dense,
    stratified_folds,
)


def blobs(counts, dimensions=6, spread=1.0, seed=0):
    """Features (2, n, d) of two views, and labels: one blob for each class."""
    generator = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    centres = generator.normal(0, 1, (len(counts), dimensions))
    images = centres[labels] + generator.normal(0, spread, (len(labels), dimensions))
    views = images + generator.normal(0, 0.1, (2, *images.shape))
    return (views * 3 + 5).astype(np.float32), labels


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def reference(features, labels, classes, strength, repeats=1):
    """Minimises the penalised loss on scaled features; returns a function that predicts."""
    rows = np.concatenate(features).astype(np.float64)
    mean, variance = rows.mean(axis=0), rows.var(axis=0)
    scale = np.sqrt(variance + FLOOR**2 * variance.mean())
    x, y = (rows - mean) / scale, np.tile(labels, len(features))
    times = np.tile(np.broadcast_to(repeats, len(labels)), len(features))
    x, y = np.repeat(x, times, axis=0), np.repeat(y, times)
    shape = (x.shape[1], classes)

    def objective(flat):
        w, b = flat[:-classes].reshape(shape), flat[-classes:]
        p = softmax(x @ w + b)
        loss = -np.log(p[np.arange(len(y)), y]).sum() * strength / len(features)
        error = (p - np.eye(classes)[y]) * strength / len(features)
        return loss + (w**2).sum() / 2, np.append((x.T @ error + w).ravel(), error.sum(axis=0))

    start = np.zeros(shape[0] * classes + classes)
    flat = scipy.optimize.minimize(
        objective, start, jac=True, method="L-BFGS-B", options={"maxiter": 2000, "ftol": 1e-14}
    ).x
    w, b = flat[:-classes].reshape(shape), flat[-classes:]
    return lambda view: softmax((view - mean) / scale @ w + b)


def test_the_weights_are_those_of_the_penalised_regression_on_features_as_they_are():
    features, labels = blobs((30, 30, 30))
    start = fit_linear_start(features, labels, 3)
    expected = reference(features, labels, 3, start.strength)(features[0])
    ours = softmax(features[0] @ start.kernel + start.bias)
    np.testing.assert_allclose(ours, expected, atol=5e-3)


def test_probabilities_of_an_image_come_from_a_fit_without_both_of_its_views():
    features, labels = blobs((20, 20, 20), dimensions=200)  # enough to learn anything by heart
    labels = np.random.default_rng(1).permutation(labels)  # and nothing to learn
    right = fit_linear_start(features, labels, 3).probabilities.argmax(axis=1) == labels
    as_images = np.concatenate(features)[None], np.tile(labels, 2)  # a view knows its twin
    leaked = fit_linear_start(*as_images, 3).probabilities.argmax(axis=1) == as_images[1]
    assert right.mean() < 0.6 and leaked.mean() > 0.8


def test_two_classes_have_a_column_each():
    features, labels = blobs((25, 15))
    start = fit_linear_start(features, labels, 2)
    assert start.kernel.shape == (6, 2) and start.probabilities.shape == (40, 2)
    expected = reference(features, labels, 2, start.strength / 2)(features[0])
    np.testing.assert_allclose(
        softmax(features[0] @ start.kernel + start.bias), expected, atol=5e-3
    )


def test_classes_of_fewer_images_than_folds_are_held_out_and_a_single_image_is_not():
    features, labels = blobs((9, 2, 1, 9), spread=0.3)
    start = fit_linear_start(features, labels, 4)
    never = ~np.isfinite(start.probabilities).all(axis=1)
    assert labels[never].tolist() == [2]
    assert start.strength in STRENGTHS


def test_one_image_of_each_class_needs_no_folds():
    features, labels = blobs((1, 1, 1))
    start = fit_linear_start(features, labels, 3)
    assert start.strength is None and np.isnan(start.probabilities).all()
    assert (softmax(features[0] @ start.kernel + start.bias).argmax(axis=1) == labels).all()


def test_the_features_of_many_images_are_not_copied(monkeypatch):
    monkeypatch.setattr(linear_start, "STRENGTHS", (0.01, 0.03))
    features, labels = blobs((1500, 1500, 1500), dimensions=100)
    monkeypatch.setattr(linear_start, "_BLOCK", 256)
    monkeypatch.setattr(logistic_regression, "_BLOCK", 256)
    monkeypatch.setattr(logistic_regression, "_MOST", 512)
    fit_linear_start(features[:, ::30], labels[::30], 3)  # loads what it needs
    tracemalloc.start()
    fit_linear_start(features, labels, 3)
    assert tracemalloc.get_traced_memory()[1] < features.nbytes / 2
    tracemalloc.stop()


def test_the_strength_for_many_images_is_chosen_on_some_of_them(monkeypatch):
    monkeypatch.setattr(linear_start, "MANY", 100)
    features, labels = blobs((300, 60, 1), spread=2.0)
    start = fit_linear_start(features, labels, 3)
    held = np.isfinite(start.probabilities).all(axis=1)
    assert held.sum() == 20 and np.bincount(labels[held]).tolist() == [17, 3]
    assert start.strength in STRENGTHS
    expected = reference(features, labels, 3, start.strength)(features[0])
    ours = softmax(features[0] @ start.kernel + start.bias)
    np.testing.assert_allclose(ours, expected, atol=1e-3)


def test_noisy_features_are_held_closer_to_zero_than_clear_ones():
    noisy = fit_linear_start(*blobs((30, 30), dimensions=20, spread=6.0), 2)
    clear = fit_linear_start(*blobs((30, 30), dimensions=20, spread=0.3), 2)
    assert noisy.strength < clear.strength


def test_a_constant_feature_changes_nothing():
    features, labels = blobs((20, 20))
    constant = np.full((*features.shape[:2], 1), 7.3, np.float32)
    start = fit_linear_start(np.concatenate([features, constant], axis=2), labels, 2)
    plain = fit_linear_start(features, labels, 2)
    assert np.isfinite(start.kernel).all()
    assert np.abs(start.kernel[-1]).max() < 1e-6
    ours, theirs = (softmax(features[0] @ each.kernel[:6] + each.bias) for each in (start, plain))
    np.testing.assert_allclose(ours, theirs, atol=0.02)


def test_a_feature_that_hardly_varied_in_training_does_not_decide_when_it_does():
    features, labels = blobs((10, 10))
    rare = np.zeros((*features.shape[:2], 1), np.float32)
    rare[:, 0] = 1e-3  # in one image alone
    start = fit_linear_start(np.concatenate([features, rare], axis=2), labels, 2)
    moved = np.append(features[0, 0], 5.0)  # and large in a new one
    usual = np.append(features[0, 0], 0.0)
    shift = np.abs((moved - usual) @ start.kernel).max()
    assert shift < 1


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda x, y: (x, np.minimum(y, 1)),
            "images of each of 3 classes; received none of class 2",
        ),
        (lambda x, y: (np.where(x > 9, np.nan, x), y), "finite features; received NaN or infinity"),
        (lambda x, y: (np.ones_like(x), y), "features that differ between images"),
    ],
)
def test_what_cannot_be_fitted_is_refused(spoil, message):
    with pytest.raises(InputError, match=message):
        fit_linear_start(*spoil(*blobs((10, 10, 10))), 3)


def test_the_last_layer_is_one_that_can_hold_a_logistic_regression():
    built = build_classifier("mobilenet_v2", 3, image_size=32, weights="random")
    assert last_dense(built).name == "predictions"
    assert last_dense(keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, "relu")])) is None
    assert last_dense(keras.Sequential([keras.Input((4,)), keras.layers.Softmax()])) is None


RARE = (36, 12, 4)
REPEATS = np.repeat([1, 3, 9], RARE)  # make the three classes equal


def test_balanced_weights_are_the_fit_with_images_of_rare_classes_repeated():
    features, labels = blobs(RARE)
    start = fit_linear_start(features, labels, 3, class_weights="balanced")
    strength = start.strength * len(labels) / REPEATS.sum()  # of more images
    expected = reference(features, labels, 3, strength, REPEATS)(features[0])
    ours = softmax(features[0] @ start.kernel + start.bias)
    np.testing.assert_allclose(ours, expected, atol=5e-3)
    unweighted = reference(features, labels, 3, start.strength)(features[0])
    assert np.abs(unweighted - expected).max() > 0.02


def test_the_strength_of_a_balanced_fit_has_the_lowest_loss_over_classes_of_one_size(monkeypatch):
    features, labels = blobs(RARE, dimensions=20, spread=2.0)

    def macro_loss(strength):
        monkeypatch.setattr(linear_start, "STRENGTHS", (strength,))
        start = fit_linear_start(features, labels, 3, class_weights="balanced")
        losses = -np.log(start.probabilities[np.arange(len(labels)), labels])
        return np.mean([losses[labels == label].mean() for label in range(3)])

    chosen = fit_linear_start(features, labels, 3, class_weights="balanced").strength
    every = {strength: macro_loss(strength) for strength in STRENGTHS}
    assert every[chosen] <= min(every.values()) + 1e-3
    monkeypatch.setattr(linear_start, "STRENGTHS", STRENGTHS)
    assert every[fit_linear_start(features, labels, 3).strength] > every[chosen] + 1e-3


def test_twenty_images_that_tell_nothing_are_not_fitted_to_one_point():
    features = np.random.default_rng(0).normal(size=(1, 20, 8)).astype(np.float32)
    assert fit_linear_start(features, np.arange(20) % 4, 4).strength >= SOFTEST / 20


def test_its_figures_on_features_are_those_of_its_predictions(monkeypatch):
    monkeypatch.setattr(linear_start, "_BLOCK", 7)
    features, labels = blobs((20, 13), spread=3.0)
    start = fit_linear_start(features, labels, 2)
    [probabilities] = start.predict(features[:1])
    figures = start.figures_on(features[0], labels)
    assert figures["accuracy"] == (probabilities.argmax(axis=1) == labels).mean() < 1
    losses = -np.log(probabilities[np.arange(33), labels])
    assert figures["loss"] == pytest.approx(losses.mean(), rel=1e-5)


def test_no_group_is_in_two_folds():
    labels = np.repeat([0, 1, 2], [40, 40, 12])
    groups = np.concatenate([np.repeat(np.arange(20), 4), np.repeat([30, 31, 32, 33], 3)])
    folds = stratified_folds(labels, 0, groups)
    assert len(folds) >= 4
    for fitted, held in folds:
        assert not set(groups[fitted]) & set(groups[held])
        assert set(labels[fitted]) == {0, 1, 2}
        assert len(np.union1d(fitted, held)) == len(labels)
    plain = stratified_folds(labels, 0)
    for one, other in zip(plain, stratified_folds(labels, 0, np.arange(92)), strict=True):
        np.testing.assert_array_equal(one[1], other[1])


def test_a_class_in_one_group_is_never_held_out():
    labels, groups = np.repeat([0, 1], [20, 5]), np.append(np.arange(20) // 2, [50] * 5)
    assert all(
        not np.isin(held, np.arange(20, 25)).any()
        for _, held in stratified_folds(labels, 0, groups)
    )
    assert stratified_folds(np.array([0, 0, 1, 1]), 0, np.array([0, 0, 1, 1])) == []


def test_held_out_probabilities_of_copies_are_no_better_than_of_new_images():
    """Four copies of each image: with groups, none is predicted from its copies."""
    random = np.random.default_rng(0)
    features = np.repeat(random.normal(size=(40, 30)), 4, axis=0)[None].astype(np.float32)
    labels = np.repeat(random.permutation(40) % 2, 4)  # nothing to learn
    groups = np.repeat(np.arange(40), 4)
    known = fit_linear_start(features, labels, 2).probabilities.argmax(axis=1) == labels
    grouped = fit_linear_start(features, labels, 2, groups=groups).probabilities.argmax(axis=1)
    assert known.mean() > 0.9
    assert (grouped == labels).mean() < 0.75
