"""`SupportClassifier`: fitted on a few images, honest probabilities, and a plain Keras model."""

import dataclasses

import keras
import numpy as np
import pytest

from tests.training.few_shot.test_rules import clusters
from tests.training.small_models import coloured_images, small_backbone
from tl_keras import SupportClassifier
from tl_keras.checks import InputError
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.pipelines.episodes import TaskSampler
from tl_keras.evaluation.episodes.accuracy import episode_accuracies
from tl_keras.models.episodic.prototypical import PrototypicalNetwork
from tl_keras.models.saving.saved_models import load_model
from tl_keras.settings.few_labels.few_shot import METHODS
from tl_keras.training.few_shot.rules import RULES
from tl_keras.training.few_shot.support_classifier import SHARPNESS


@pytest.fixture(scope="module")
def encoder():
    keras.utils.set_random_seed(3)
    return small_backbone()


@pytest.mark.parametrize("method", METHODS)
def test_keras_model_gives_the_same_probabilities_also_reloaded(method, encoder, tmp_path):
    images, labels = coloured_images(9)
    queries, _ = coloured_images(12, seed=1)
    labels = labels.copy()
    labels[0] = 1  # classes of two, four and three images
    classifier = SupportClassifier(encoder, method=method).fit_support(images, labels)
    expected = classifier.predict_proba(queries)
    assert expected.shape == (12, 3) and expected.dtype == np.float32
    np.testing.assert_allclose(expected.sum(axis=1), 1, atol=1e-5)
    model = classifier.as_keras()
    assert {type(layer).__module__.split(".")[0] for layer in model.layers} == {"keras"}
    model.save(tmp_path / "model.keras")
    for each in (model, load_model(tmp_path / "model.keras")):
        np.testing.assert_allclose(
            each.predict(np.float32(queries), verbose=0), expected, atol=1e-4
        )


def test_mirrored_queries_are_averaged_and_mirrored_support_is_fitted(encoder):
    images, labels = coloured_images(9)
    queries, _ = coloured_images(6, seed=1)
    plain = SupportClassifier(encoder).fit_support(images, labels)
    both = SupportClassifier(encoder, mirror=True).fit_support(images, labels)
    views = both.features(images)
    assert views.shape[0] == 2
    np.testing.assert_allclose(views[0], plain.features(images)[0], atol=1e-6)
    np.testing.assert_allclose(views[1], plain.features(images[:, :, ::-1])[0], atol=1e-6)
    assert not np.allclose(both.scores.kernel, plain.scores.kernel)
    model = both.as_keras()
    seen = [model.predict(np.float32(q), verbose=0) for q in (queries, queries[:, :, ::-1])]
    np.testing.assert_allclose(both.predict_proba(queries), np.mean(seen, axis=0), atol=1e-5)


def test_copies_of_the_support_are_fitted_and_follow_the_seed(encoder):
    images, labels = coloured_images(9)
    makes = [
        SupportClassifier(encoder, method="ridge", copies=copies, augment="photos", seed=seed)
        for copies, seed in ((0, 0), (2, 0), (2, 0), (2, 1))
    ]
    none, first, again, other = (make.fit_support(images, labels).scores.kernel for make in makes)
    assert makes[1].features(images, copies=2).shape[:2] == (3, 9)
    assert makes[1].features(images).shape[:2] == (1, 9)  # queries have none
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(none, first) and not np.allclose(first, other)
    assert makes[1].out_of_fold.shape == (9, 3)


@pytest.mark.parametrize("method", RULES)
def test_images_that_are_held_out_were_not_fitted_on(method):
    rng = np.random.default_rng(0)
    features = rng.normal(size=(1, 120, 300)).astype(np.float32)  # noise: nothing can be learned
    labels = np.arange(120) % 4
    classifier = SupportClassifier(method=method).fit_support(features, labels)
    fitted = (classifier.predict_proba(features).argmax(axis=1) == labels).mean()
    held = (classifier.out_of_fold.argmax(axis=1) == labels).mean()
    assert fitted > 0.7 and held < 0.42


@pytest.mark.parametrize("method", ["prototype", "ridge", "nearest"])
def test_temperature_makes_probabilities_as_sure_as_they_are_right(method):
    features, labels = clusters(10, spread=3.0)
    queries, truth = clusters(200, spread=3.0, seed=1)
    classifier = SupportClassifier(method=method).fit_support(features, labels)
    known, asked = classifier.features(features), classifier.features(queries)
    untempered = classifier._rule()(known, labels, 3).divided(1 / SHARPNESS[method])
    found = classifier.predict_proba(queries)
    np.testing.assert_allclose(
        found, untempered.divided(classifier.temperature).predict(asked)[0], atol=1e-5
    )
    assert _loss(found, truth) < _loss(untempered.predict(asked)[0], truth)


def _loss(probabilities, labels):
    return -np.log(probabilities[np.arange(len(labels)), labels]).mean()


@pytest.mark.parametrize("method", METHODS)
def test_one_image_of_each_class_has_no_image_held_out(method):
    features, labels = clusters(1, num_classes=20, dims=30, spread=0.3)
    queries, truth = clusters(2, num_classes=20, dims=30, spread=0.3, seed=1)
    classifier = SupportClassifier(method=method).fit_support(features, labels)
    assert np.isnan(classifier.out_of_fold).all() and classifier.temperature == 1
    found = classifier.predict_proba(queries)
    assert (found.argmax(axis=1) == truth).all()
    assert found.max() < 1 and found.max(axis=1).mean() > 1.5 / 20


def test_euclidean_metric_is_that_of_a_prototypical_network():
    features, labels = clusters(1)
    queries, _ = clusters(4, seed=1)
    classifier = SupportClassifier(metric="euclidean").fit_support(features, labels)
    assert classifier.chosen == "prototype"
    distances = ((queries[0][:, None] - features[0]) ** 2).sum(axis=-1)
    expected = np.exp(-distances) / np.exp(-distances).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(classifier.predict_proba(queries), expected, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(
    ("features", "labels", "message"),
    [
        (np.ones((4, 3)), [0, 1, 0], r"n labels.*received \(1, 4, 3\) and \(3,\)"),
        (np.ones((2, 3)), [7, 7], "two classes or more; received '7' alone"),
        (np.array([[1.0, 2], [np.nan, 0]]), [0, 1], "for 1 images, the first at 1"),
    ],
)
def test_what_cannot_be_fitted_is_one_line(features, labels, message):
    with pytest.raises(InputError, match=message) as error:
        SupportClassifier(method="ridge").fit_support(features, labels)
    assert "\n" not in str(error.value)


def test_what_needs_an_encoder_or_a_fit_says_so():
    with pytest.raises(InputError, match="Call fit_support first"):
        SupportClassifier().predict(np.ones((1, 3)))
    with pytest.raises(InputError, match="Expected an encoder with mirror"):
        SupportClassifier(mirror=True)
    with pytest.raises(InputError, match="Expected an encoder for a Keras model"):
        SupportClassifier().fit_support(*clusters(2)).as_keras()


@pytest.mark.parametrize("similarity", ["cosine", "euclidean"])
def test_scores_are_those_of_a_prototypical_network(similarity, encoder):
    network = PrototypicalNetwork(encoder, similarity=similarity)
    network.log_factor.assign(1.5)
    images, labels = coloured_images(3)
    queries, _ = coloured_images(6, seed=1)
    factor = float(np.exp(1.5))
    classifier = SupportClassifier(encoder, method="prototype", metric=similarity, factor=factor)
    found = classifier.fit_support(images, labels).predict_proba(queries)
    expected = network.fit_support(images, labels).predict_proba(queries)
    np.testing.assert_allclose(found, expected, atol=2e-4)


@pytest.mark.parametrize("names", [("röd", "green", "blue"), (40, 7, 23)])
def test_any_labels_come_back(names):
    features, labels = clusters(2, spread=0.1)
    queries, truth = clusters(3, spread=0.1, seed=1)
    classifier = SupportClassifier().fit_support(features, np.array(names)[labels])
    assert classifier.classes.tolist() == sorted(names)
    np.testing.assert_array_equal(classifier.predict(queries), np.array(names)[truth])


def test_accuracy_over_episodes_takes_it():
    features, labels = clusters(4, num_classes=6, dims=6, spread=0.1)
    images = ImageDataset.from_arrays(np.zeros((24, 2, 2), np.uint8), labels)
    tasks = TaskSampler(3, 1, 2, seed=0).tasks(images)
    found = episode_accuracies(SupportClassifier(method="ridge"), tasks, 4, features=features[0])
    np.testing.assert_array_equal(found, 1.0)


@pytest.mark.parametrize("method", METHODS)
def test_copies_are_held_out_together(method):
    generator = np.random.default_rng(0)
    groups = np.tile(np.arange(100), 4)
    features = np.float32(generator.normal(size=(100, 300)))[groups]
    labels = generator.integers(0, 2, 100)[groups]  # nothing can be learned

    def right(groups):
        classifier = SupportClassifier(method=method).fit_support(features, labels, groups=groups)
        return (classifier.out_of_fold.argmax(axis=1) == labels).mean()

    assert right(None) > 0.8  # each has a copy among the fitted
    assert right(groups) < 0.7


def test_groups_of_a_dataset_count_and_a_class_in_one_group_is_never_held_out(encoder):
    images, labels = coloured_images(12)
    groups = np.where(labels == 0, 0, np.arange(12))
    data = ImageDataset.from_arrays(images, labels)
    for given in ({}, {"groups": groups}):
        source = data if given else dataclasses.replace(data, groups=groups)
        fitted = SupportClassifier(encoder, method="ridge").fit_support(source, labels, **given)
        held = np.isfinite(fitted.out_of_fold[:, 0])
        np.testing.assert_array_equal(held, labels != 0)
