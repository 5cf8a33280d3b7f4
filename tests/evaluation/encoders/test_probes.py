"""Features of images, and probes of them against slow plain versions."""

import warnings

import keras
import numpy as np
import pytest

from tl_keras.checks import InputError
from tl_keras.data.dataset import ImageDataset
from tl_keras.evaluation.classifiers.classification import accuracy_interval
from tl_keras.evaluation.encoders import probes
from tl_keras.evaluation.encoders.probes import extract_features, knn_probe, linear_probe

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (11, 8, 8, 3), np.uint8)


def encoder(spatial, channels=3):
    image = keras.Input((8, 8, channels), name="image")
    x = keras.layers.Conv2D(4, 3, activation="relu")(keras.layers.Rescaling(1 / 255)(image))
    x = keras.layers.BatchNormalization()(x)
    return keras.Model(image, x if spatial else keras.layers.Flatten()(x))


def groups(n, classes=3, d=6, noise=1.0, seed=1):
    random = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    centres = np.random.default_rng(9).normal(0, 1, (classes, d))
    return (centres[labels] + random.normal(0, noise, (n, d))).astype("float32"), labels


@pytest.mark.parametrize("batch_size", [4, 64])
def test_features_are_those_of_the_encoder_in_order_and_maps_are_averaged(batch_size):
    for spatial in (False, True):
        model = encoder(spatial)
        expected = np.asarray(model(IMAGES.astype("float32"), training=False))
        expected = expected.mean((1, 2)) if spatial else expected
        features = extract_features(model, IMAGES, batch_size=batch_size)
        assert features.dtype == np.float32
        np.testing.assert_allclose(features, expected, rtol=1e-4, atol=1e-5)


def test_features_of_a_dataset_are_those_of_its_images_in_the_encoders_size():
    large = np.repeat(np.repeat(IMAGES, 2, 1), 2, 2)
    dataset = ImageDataset.from_arrays(large, np.arange(11) % 2)
    model = encoder(False)
    expected = extract_features(model, dataset.decoded((8, 8)))
    np.testing.assert_array_equal(extract_features(model, dataset), expected)


def test_grey_images_and_encoders_of_one_channel_meet():
    grey = IMAGES[..., :1]
    for channels in (1, 3):
        model = encoder(True, channels)
        expected = extract_features(model, np.repeat(grey, channels, -1))
        np.testing.assert_allclose(extract_features(model, grey[..., 0]), expected, rtol=1e-6)


def test_encoder_of_a_model_is_used_and_other_outputs_are_refused():
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten()])
    model.encoder = encoder(True)
    assert extract_features(model, IMAGES).shape == (11, 4)
    image = keras.Input((8, 8, 3))
    rows = keras.Model(image, keras.layers.Reshape((8, 24))(image))
    with pytest.raises(InputError, match=r"features \(b, d\) or \(b, h, w, d\).*\(None, 8, 24\)"):
        extract_features(rows, IMAGES)


def slow_vote(train, labels, test, k, temperature):
    """One image and one neighbour at a time."""
    winners = []
    for row in test.astype(np.float64):
        similar = [
            float(row @ other) / np.sqrt((row @ row) * (other @ other))
            for other in train.astype(np.float64)
        ]
        votes = dict.fromkeys(sorted(set(labels.tolist())), 0.0)
        for near in sorted(range(len(train)), key=lambda i: -similar[i])[:k]:
            votes[int(labels[near])] += np.exp(similar[near] / temperature)
        winners.append(max(votes, key=votes.get))
    return np.array(winners)


@pytest.mark.parametrize(("k", "temperature"), [(1, 0.07), (5, 0.5), (20, 0.07), (500, 0.3)])
def test_nearest_neighbours_vote_as_in_a_slow_loop(k, temperature, monkeypatch):
    monkeypatch.setattr(probes, "_BLOCK", 7)
    (train, labels), (test, truth) = groups(60, seed=1), groups(40, seed=2)
    labels, truth = labels * 3 + 1, truth * 3 + 1  # any numbers of classes
    measured = knn_probe(train, labels, test, truth, k=k, temperature=temperature)
    expected = slow_vote(train, labels, test, k, temperature)
    assert measured["accuracy"] == np.mean(expected == truth)
    assert measured["interval"] == accuracy_interval(measured["accuracy"], 40)
    assert measured["k"] == min(k, 60)
    known, asked = probes.unit_rows(train), probes.unit_rows(test)
    got = probes.vote(known, labels, asked, k=min(k, 60), temperature=temperature)
    np.testing.assert_array_equal(got, expected)


def test_neighbours_depend_on_direction_and_not_on_length():
    (train, labels), (test, truth) = groups(60, seed=1), groups(40, seed=2)
    lengths = RANDOM.uniform(0.1, 10, (60, 1))
    assert knn_probe(train, labels, test, truth) == knn_probe(train * lengths, labels, test, truth)


def test_low_temperature_does_not_overflow():
    x, y = groups(30)
    assert knn_probe(x, y, x, y, temperature=1e-4)["accuracy"] == 1.0


def test_linear_probe_tells_apart_what_a_line_can():
    (train, labels), (test, truth) = groups(90, noise=0.05), groups(60, noise=0.05, seed=2)
    measured = linear_probe(train, labels, test, truth)
    assert measured["accuracy"] == 1.0
    assert measured["interval"] == accuracy_interval(1.0, 60)
    assert (measured["converged"], measured["num_train"], measured["num_test"]) == (True, 90, 60)


def test_linear_probe_is_at_chance_on_noise_and_then_binds_most():
    train, test = RANDOM.normal(size=(200, 50)), RANDOM.normal(size=(1000, 50))
    labels, truth = np.arange(200) % 2, np.arange(1000) % 2
    measured = linear_probe(train, labels, test, truth)
    assert 0.42 < measured["accuracy"] < 0.58
    assert measured["strength"] == probes.STRENGTHS[0]


def test_linear_probe_does_not_depend_on_scale_or_offset_of_a_feature():
    (train, labels), (test, truth) = groups(90, noise=2.0), groups(60, noise=2.0, seed=2)
    scale, offset = np.array([1e-3, 1, 1e3, 5, 0.1, 2]), np.arange(6)
    plain = linear_probe(train, labels, test, truth)
    scaled = linear_probe(train * scale + offset, labels, test * scale + offset, truth)
    assert scaled["accuracy"] == pytest.approx(plain["accuracy"], abs=1 / 60)
    assert scaled["strength"] == plain["strength"]


def test_test_features_choose_nothing(monkeypatch):
    (train, labels), (test, truth) = groups(90, noise=2.0), groups(60, noise=2.0, seed=2)
    seen = []
    choose = probes._choose_strength
    monkeypatch.setattr(
        probes, "_choose_strength", lambda x, *rest: seen.append(len(x)) or choose(x, *rest)
    )
    strengths = {
        linear_probe(train, labels, other, truth)["strength"] for other in (test, -test, test * 0)
    }
    assert len(strengths) == 1
    assert seen == [90, 90, 90]


def test_one_image_a_class_is_enough_for_both_probes():
    train, labels = groups(3, noise=0.01)
    test, truth = groups(30, noise=0.01, seed=2)
    assert linear_probe(train, labels, test, truth)["accuracy"] == 1.0
    assert knn_probe(train, labels, test, truth)["accuracy"] == 1.0


@pytest.mark.parametrize("number", [lambda y: y + 1, lambda y: y * 7 + 2, lambda y: y + 10**10])
def test_numbers_of_classes_change_nothing(number):
    (train, labels), (test, truth) = groups(90, noise=2.0), groups(60, noise=2.0, seed=2)
    plain = linear_probe(train, labels, test, truth)
    assert plain["strength"] != probes._UNCHOSEN
    assert linear_probe(train, number(labels), test, number(truth)) == plain
    assert knn_probe(train, number(labels), test, number(truth)) == knn_probe(
        train, labels, test, truth
    )


def slow_losses(x, y, folds):
    """Mean log loss of each strength on the held-out part of each fold, image by image."""
    from sklearn.linear_model import LogisticRegression

    losses = []
    for strength in probes.STRENGTHS:
        total = 0.0
        for fitted, held_out in folds:
            model = LogisticRegression(C=strength, max_iter=1000).fit(x[fitted], y[fitted])
            of_class = {c: i for i, c in enumerate(model.classes_)}
            rows = model.predict_proba(x[held_out]).astype(float)
            told = [-np.log(p[of_class[c]]) for p, c in zip(rows, y[held_out], strict=True)]
            total += np.mean(told)
        losses.append(total)
    return losses


@pytest.mark.parametrize("members", [1, 2, 3])
def test_strength_is_chosen_where_a_class_has_fewer_members_than_folds(members):
    from sklearn.model_selection import StratifiedKFold
    from sklearn.preprocessing import StandardScaler

    x, y = groups(90, noise=2.0)
    rows = np.concatenate([np.flatnonzero(y < 2), np.flatnonzero(y == 2)[:members]])
    x, y = x[rows], y[rows]
    held = rows[:60] if members == 1 else rows
    split = StratifiedKFold(5 if members == 1 else members, shuffle=True, random_state=0)
    parts = list(split.split(held, y[: len(held)]))
    if members == 1:  # the lonely one is always learned from
        parts = [(np.append(fitted, 60), held_out) for fitted, held_out in parts]
    losses = slow_losses(StandardScaler().fit_transform(x), y, parts)
    assert linear_probe(x, y, x, y)["strength"] == probes.STRENGTHS[int(np.argmin(losses))]


def test_a_probe_that_does_not_converge_says_so():
    (train, labels), (test, truth) = groups(90), groups(60, seed=2)
    with pytest.warns(UserWarning, match="did not converge in 1 iterations"):
        assert not linear_probe(train, labels, test, truth, max_iterations=1)["converged"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        linear_probe(train, labels, test, truth)


@pytest.mark.parametrize("probe", [linear_probe, knn_probe])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: {**a, "train_labels": a["train_labels"][1:]}, "Expected training features"),
        (lambda a: {**a, "test_labels": a["test_labels"] / 1.0}, "of type float64"),
        (lambda a: {**a, "test_features": a["test_features"][:, 1:]}, "received 6 and 5"),
        (lambda a: {**a, "train_features": a["train_features"] * np.nan}, "diverged"),
        (lambda a: {**a, "train_labels": a["train_labels"] * 0}, "received one class"),
        (lambda a: {**a, "train_labels": a["train_labels"] - 1}, "class numbers from 0.*-1 .*rows"),
        (lambda a: {**a, "test_labels": a["test_labels"] - 1}, "Expected test class numbers"),
        (lambda a: {**a, "train_labels": a["train_labels"] + 1e10}, "of type float64"),
    ],
)
def test_wrong_features_and_labels_are_refused(probe, change, message):
    x, y = groups(12)
    given = {"train_features": x, "train_labels": y, "test_features": x, "test_labels": y}
    with pytest.raises(InputError, match=message):
        probe(**change(given))
