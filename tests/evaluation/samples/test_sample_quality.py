"""Samples are measured in the features of a classifier that this project trains."""

import keras
import numpy as np
import pytest

from tests.training.small_models import coloured_images
from tl_keras import CNN, InputError, evaluate_samples, fit_sample_classifier
from tl_keras.evaluation.samples.sample_quality import class_shares, classifier_features

TRAIN, HELD_OUT = coloured_images(120), coloured_images(60, seed=1)


@pytest.fixture(scope="module")
def classifier():
    keras.utils.set_random_seed(0)
    return fit_sample_classifier(TRAIN, epochs=6)


def test_features_are_what_the_last_layer_takes(classifier):
    features, classes = classifier_features(classifier, HELD_OUT[0])
    kernel, bias = classifier.predictions.get_weights()
    logits = features @ kernel + bias
    exponents = np.exp(logits - logits.max(1, keepdims=True))
    probabilities = exponents / exponents.sum(1, keepdims=True)
    np.testing.assert_allclose(probabilities, classifier.predict(HELD_OUT[0], verbose=0), atol=1e-5)
    np.testing.assert_array_equal(classes, logits.argmax(1))
    assert (classes == HELD_OUT[1]).mean() > 0.9


def test_real_images_beat_noise_and_one_class_is_seen_as_one(classifier):
    x, y = coloured_images(60, seed=2)
    good = evaluate_samples(x, TRAIN[0], classifier, held_out=HELD_OUT[0])
    assert good["classes_covered"] == 3
    assert good["num_samples"] == good["floor"]["num_samples"] == 60
    np.testing.assert_allclose(sum(good["class_shares"]), 1)
    noise = np.random.default_rng(0).integers(0, 256, x.shape, dtype=np.uint8)
    bad = evaluate_samples(noise, TRAIN[0], classifier)
    assert bad["floor"] is None
    assert bad["frechet_distance"] > 3 * good["frechet_distance"]
    assert bad["precision"] < good["precision"]
    one = evaluate_samples(x[y == 1], TRAIN[0], classifier)
    assert (one["classes_covered"], one["smallest_share"]) == (1, 0)
    assert one["recall"] < 0.7 * good["recall"]
    assert one["frechet_distance"] > 3 * good["frechet_distance"]


def test_the_floor_is_what_held_out_images_get_as_samples(classifier):
    as_samples = evaluate_samples(HELD_OUT[0][:50], TRAIN[0], classifier)
    floor = evaluate_samples(TRAIN[0][:50], TRAIN[0], classifier, held_out=HELD_OUT[0][:50])
    assert {**floor["floor"], "floor": None} == as_samples


def _drawn(size, seed):
    """Images of random classes, as those of a generator or of a test set are."""
    rows = np.random.default_rng(seed).permutation(600)[:size]
    return coloured_images(600, seed=seed)[0][rows]


@pytest.mark.parametrize(("num_samples", "num_held_out"), [(300, 60), (60, 300)])
def test_real_images_as_samples_are_as_far_as_the_floor(classifier, num_samples, num_held_out):
    """The distance falls with the number of images, so both sides have as many."""
    real, figures = _drawn(400, seed=5), []
    for seed in range(4):
        x, held_out = _drawn(num_samples, 10 + seed), _drawn(num_held_out, 20 + seed)
        figures.append(evaluate_samples(x, real, classifier, held_out=held_out))
    assert all(f["num_samples"] == f["floor"]["num_samples"] == 60 for f in figures)
    for name, most in (("frechet_distance", 2.5), ("precision", 1.25), ("recall", 1.25)):
        ratio = sum(f[name] for f in figures) / sum(f["floor"][name] for f in figures)
        assert 1 / most < ratio < most, name
    assert evaluate_samples(x, real, classifier)["num_samples"] == num_samples


def test_images_left_out_are_drawn_whatever_order_the_classes_have(classifier):
    """A generator's classes come in turn: each third of these would be one class."""
    x, y = coloured_images(301)
    figures = evaluate_samples(x, x, classifier, held_out=x[:101])
    assert y[np.linspace(0, 300, 101).astype(int)].max() == 0
    assert figures["classes_covered"] == 3


def test_features_are_float32_whatever_the_classifier_computes_in(classifier):
    half = CNN(3, "small", dtype="mixed_bfloat16")
    half.build(classifier.input_shape)
    half.set_weights(classifier.get_weights())
    features, classes = classifier_features(half, HELD_OUT[0])
    assert features.dtype == np.float32
    expected, same = classifier_features(classifier, HELD_OUT[0])
    np.testing.assert_allclose(features, expected, atol=0.05 * np.abs(expected).max())
    assert (classes == same).mean() > 0.9


def test_shares_count_classes_without_samples():
    np.testing.assert_array_equal(class_shares([0, 0, 2, 0], 4), [0.75, 0, 0.25, 0])


def test_images_that_cannot_be_measured_are_refused(classifier):
    x = TRAIN[0]
    with pytest.raises(InputError, match="more than 3 images"):
        evaluate_samples(x[:3], x, classifier)
    with pytest.raises(InputError, match="which the classifier takes"):
        evaluate_samples(x[:, :8], x, classifier)
    for name, given in {
        "samples": (x / 255.0, x, x),
        "real": (x, x / 255.0, x),
        "held_out": (x, x, x / 255.0),
    }.items():
        samples, real, held_out = (np.float32(rows[:9]) for rows in given)
        with pytest.raises(InputError, match=f"pixels of {name} from 0 to 255.*multiply by 255"):
            evaluate_samples(samples, real, classifier, held_out=held_out)
