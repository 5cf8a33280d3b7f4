"""The average of the networks of a fine-tuning."""

import dataclasses
import itertools

import keras
import numpy as np
import pytest
from scipy.optimize import minimize

from tests.training.fine_tuning.test_from_linear import TRAIN, VAL, both, classifier
from tl_keras import (
    InputError,
    average_classifier,
    build_classifier,
    classifier_of,
    fine_tune,
    load_model,
)
from tl_keras.checks import DivergedError
from tl_keras.data.dataset import ImageDataset
from tl_keras.models.backbones.backbone import build_backbone
from tl_keras.models.cutting import cut_at_frozen
from tl_keras.training.averaging import fit_members, fit_proportions
from tl_keras.training.fine_tuning.fine_tune import _FineTuning
from tl_keras.training.time_limit import Deadline

# Two rates, the second also with mixing and smoothed labels: three fine-tunings.
BEST = {"unfreeze": "from:high", "augment": "none", "preset": "best", "epochs": 2}
IMAGES = VAL[0].astype("float32")
PRIOR = 10


@pytest.mark.parametrize("refit", [False, True])
def test_a_network_that_is_left_alone_is_the_one_that_is_kept(monkeypatch, capfd, refit):
    monkeypatch.setattr("tl_keras.training.averaging._LEAST", 0.5)  # of two or more, one is left
    model, how = classifier(), {"unfreeze": "from:high", "augment": "none", "epochs": 2}
    history = fine_tune(model, TRAIN, VAL, **how, lr=1e-3, refit=refit)
    found = history.from_linear
    assert found.members is None and found.chosen in (0, 4)
    assert "NOT AVERAGED: by the validation images" in capfd.readouterr().err
    if found.chosen and not refit:
        again = fine_tune(other := classifier(), TRAIN, VAL, **how, lr=1e-3, average=False)
        upper = cut_at_frozen(other).suffix
        end = [
            start + (now - start) / again.from_linear.point.share
            for start, now in zip(start_of(other, again), upper.get_weights(), strict=True)
        ]
        for kept, last in zip(cut_at_frozen(model).suffix.get_weights(), end, strict=True):
            np.testing.assert_allclose(kept, last, atol=1e-5)
    with pytest.raises(InputError, match="of which one counts for nearly all"):
        average_classifier(model, history)


def start_of(model, history):
    """The weights above the frozen part at the linear start."""
    own = model.get_weights()
    model.set_weights(history.from_linear.weights)
    found = cut_at_frozen(model).suffix.get_weights()
    model.set_weights(own)
    return found


def one_by_one(model, history):
    """Predictions of each network, by weights set into the model one after the other."""
    upper = cut_at_frozen(model).suffix
    own = upper.get_weights()
    found = []
    for weights in history.from_linear.members.weights:
        upper.set_weights(weights)
        found.append(model(IMAGES, training=False).numpy())
    upper.set_weights(own)
    return np.array(found)


def tempered(probabilities, temperature):
    powers = probabilities.astype(np.float64) ** (1 / temperature)
    return powers / powers.sum(axis=-1, keepdims=True)


def expected_average(model, history):
    members = history.from_linear.members
    rows = zip(members.proportions, members.temperatures, one_by_one(model, history), strict=True)
    return sum(share * tempered(each, temperature) for share, temperature, each in rows)


def random_predictions(count, size, skill, seed=0, classes=4):
    """(probabilities (count, 1, size, classes), labels): the higher the skill the more is right."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, classes, size)
    scores = generator.normal(size=(count, 1, size, classes))
    scores[:, 0, np.arange(size), labels] += np.array(skill)[:, None]
    powers = np.exp(scores)
    return powers / powers.sum(axis=-1, keepdims=True), labels


def objective(proportions, probabilities, temperatures, labels):
    """The function that `fit_proportions` maximises, image by image."""
    total = PRIOR * sum(np.log(share) for share in proportions)
    for image, label in enumerate(labels):
        seen = [
            share * tempered(each[:, image], temperature)[:, label].mean()
            for share, each, temperature in zip(
                proportions, probabilities, temperatures, strict=True
            )
        ]
        total += np.log(sum(seen))
    return total


def best_alone(probabilities, labels):
    """Temperature of each network alone, by search on a fine grid."""
    grid = np.exp(np.linspace(-1.5, 1.5, 3001))
    found = []
    for each in probabilities:
        right = each[:, np.arange(len(labels)), labels]
        sums = [(each ** (1 / t)).sum(axis=-1) for t in grid]
        values = [
            np.log((right ** (1 / t) / s).mean(axis=0)).sum() - np.log(t) ** 2 / (2 * 0.5**2)
            for t, s in zip(grid, sums, strict=True)
        ]
        found.append(grid[np.argmax(values)])
    return np.array(found)


@pytest.mark.parametrize("skill", [(1.0, 2.5), (0.5, 1.0, 3.0)])
def test_proportions_are_the_maximum_of_their_objective(skill):
    probabilities, labels = random_predictions(len(skill), 60, skill)
    proportions, temperatures = fit_proportions(probabilities, labels)
    alone = best_alone(probabilities, labels)
    np.testing.assert_allclose(temperatures / temperatures[0], alone / alone[0], rtol=2e-3)

    def loss(free):
        shares = np.exp(free - free.max())
        return -objective(shares / shares.sum(), probabilities, alone, labels)

    found = np.exp(minimize(loss, np.zeros(len(skill)), method="Nelder-Mead", tol=1e-9).x)
    np.testing.assert_allclose(proportions, found / found.sum(), atol=2e-3)
    assert np.all(np.diff(proportions) > 0)  # more for the more skilled


def test_the_common_factor_gives_the_average_its_lowest_loss():
    probabilities, labels = random_predictions(3, 200, (1.0, 1.5, 2.0))
    proportions, temperatures = fit_proportions(probabilities, labels)
    alone = best_alone(probabilities, labels)

    def loss(factor):
        rows = zip(proportions, alone, probabilities, strict=True)
        mean = sum(share * tempered(each[0], factor * t) for share, t, each in rows)
        right = mean[np.arange(len(labels)), labels]
        return -np.log(right).sum() + np.log(factor) ** 2 / (2 * 0.5**2)

    grid = np.exp(np.linspace(-1, 1, 2001))
    best = grid[np.argmin([loss(factor) for factor in grid])]
    assert best < 0.97  # a mean is less sure than its parts
    np.testing.assert_allclose(temperatures, best * alone, rtol=3e-3)


def test_networks_that_are_alike_count_alike():
    probabilities, labels = random_predictions(1, 50, (1.0,))
    proportions, temperatures = fit_proportions(np.repeat(probabilities, 3, axis=0), labels)
    np.testing.assert_allclose(proportions, 1 / 3)
    assert np.ptp(temperatures) < 1e-6


def test_weights_act_on_the_proportions_alone():
    probabilities, labels = random_predictions(2, 60, (0.5, 1.5))
    weights = np.where(labels < 2, 1.8, 0.2) / np.where(labels < 2, 1.8, 0.2).mean()
    proportions, temperatures = fit_proportions(probabilities, labels, weights)
    alone = best_alone(probabilities, labels)
    np.testing.assert_allclose(temperatures / temperatures[0], alone / alone[0], rtol=2e-3)
    shares = np.linspace(0.001, 0.999, 9981)
    right = [
        tempered(each[0], t)[np.arange(60), labels]
        for each, t in zip(probabilities, alone, strict=True)
    ]
    values = [
        PRIOR * (np.log(a) + np.log(1 - a))
        + (weights * np.log(a * right[0] + (1 - a) * right[1])).sum()
        for a in shares
    ]
    assert proportions[0] == pytest.approx(shares[np.argmax(values)], abs=2e-3)
    assert abs(proportions[0] - fit_proportions(probabilities, labels)[0][0]) > 0.01


def test_a_network_whose_predictions_are_not_finite_is_left_out():
    probabilities, labels = random_predictions(3, 30, (1.0, 1.0, 1.0))
    probabilities[1, 0, 4] = np.nan
    weights = [[np.zeros(1)]] * 3
    assert sorted(fit_members([0, 4, 8], weights, probabilities, labels).points) == [0, 8]
    assert fit_members([0, 4], weights[:2], probabilities[:2], labels).points == [0]


def test_a_fine_tuned_network_comes_first():
    probabilities, labels = random_predictions(3, 100, (3.0, 1.0, 2.0))
    members = fit_members([0, 4, 8], [[np.zeros(1)]] * 3, probabilities, labels)
    assert members.points == [8, 4, 0] and members.proportions[2] == max(members.proportions)


def normalised_classifier():
    keras.utils.set_random_seed(0)
    image = keras.Input((16, 16, 3))
    normalise = keras.layers.Normalization(mean=[120, 130, 90], variance=[900, 1600, 400])
    x = keras.layers.Conv2D(8, 3, activation="relu", name="low")(normalise(image))
    adapted = keras.layers.Normalization(name="adapted")
    adapted.adapt(keras.Model(image, x)(IMAGES))
    x = keras.layers.Conv2D(8, 3, activation="relu", name="high")(adapted(x))
    backbone = build_backbone(keras.Model(image, x, name="small"))
    return build_classifier(backbone, 3, head="linear", dropout=0.0)


@pytest.mark.parametrize("unfreeze", ["from:high", "from:low", "all"])
def test_layers_that_keep_more_than_weights_are_copied_whole(unfreeze, tmp_path):
    model = normalised_classifier()
    history = fine_tune(model, TRAIN, VAL, **BEST | {"unfreeze": unfreeze})
    averaged, expected = average_classifier(model, history), expected_average(model, history)
    np.testing.assert_allclose(averaged(IMAGES), expected, atol=1e-5)
    averaged.save(tmp_path / "averaged.keras")
    again = load_model(tmp_path / "averaged.keras")
    np.testing.assert_allclose(again(IMAGES), expected, atol=1e-5)


def test_a_classifier_compiled_with_a_loss_of_the_users_is_averaged(tuned):
    model, history = tuned
    model.compile("adam", loss=lambda y, p: keras.ops.mean(keras.ops.square(y - p)))
    averaged = average_classifier(model, history)
    np.testing.assert_allclose(averaged(IMAGES), expected_average(model, history), atol=1e-5)
    assert not averaged.compiled


def test_the_order_of_the_networks_does_not_matter():
    probabilities, labels = random_predictions(3, 50, (0.5, 1.0, 2.0))
    expected = np.array(fit_proportions(probabilities, labels))
    for order in itertools.permutations(range(3)):
        found = fit_proportions(probabilities[list(order)], labels)
        np.testing.assert_allclose(found, expected[:, list(order)], atol=1e-6)


def test_one_that_counts_for_little_is_left_out():
    probabilities, labels = random_predictions(3, 2000, (4.0, 0.0, 4.0))
    weights = [[np.full(2, float(number))] for number in range(3)]
    assert fit_proportions(probabilities, labels)[0][1] < 0.05
    members = fit_members([0, 4, 8], weights, probabilities, labels)
    assert sorted(members.points) == [0, 8]
    kept = [2, 0]  # the fine-tuned one first
    proportions, temperatures = fit_proportions(probabilities[kept], labels)
    np.testing.assert_allclose(members.proportions, proportions, atol=1e-6)
    np.testing.assert_allclose(members.temperatures, temperatures, rtol=1e-6)
    assert [int(w[0][0]) for w in members.weights] == kept
    np.testing.assert_array_equal(members.val, probabilities[kept])
    alone = fit_members([0, 4], weights[:2], probabilities[:2], labels)
    assert (alone.points, alone.proportions) == ([0], [1.0])


@pytest.fixture(scope="module")
def tuned():
    model = classifier()
    return model, fine_tune(model, TRAIN, VAL, **BEST)


@pytest.fixture(scope="module")
def refitted():
    model = classifier()
    return model, fine_tune(model, TRAIN, VAL, **BEST, refit=True)


def test_members_are_the_start_and_the_ends_of_the_lines(tuned):
    model, history = tuned
    members, before = history.from_linear.members, model.get_weights()
    assert sorted(members.points) == [0, 4, 8, 12] and len(history.from_linear.points) == 13
    assert sum(members.proportions) == pytest.approx(1)
    tuned_ones = [p for point, p in zip(members.points, members.proportions, strict=True) if point]
    assert members.points[-1] == 0 and tuned_ones == sorted(tuned_ones, reverse=True)
    each = one_by_one(model, history)
    np.testing.assert_allclose(members.val[:, 0], each, atol=1e-5)
    order = np.argsort(members.points)
    proportions, temperatures = fit_proportions(members.val[order], VAL[1])
    np.testing.assert_allclose(np.array(members.proportions)[order], proportions, atol=1e-6)
    np.testing.assert_allclose(np.array(members.temperatures)[order], temperatures, atol=1e-4)
    start = classifier()
    start.set_weights(history.from_linear.weights)
    np.testing.assert_allclose(each[members.points.index(0)], start(IMAGES), atol=1e-6)
    averaged = average_classifier(model, history)
    expected = expected_average(model, history)
    np.testing.assert_allclose(averaged(IMAGES), expected, atol=1e-5)
    np.testing.assert_allclose(members.average[0], expected, atol=1e-5)
    first = tempered(each[0], members.temperatures[0])
    np.testing.assert_allclose(classifier_of(averaged)(IMAGES), first, atol=1e-5)
    for one, two in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, two)
    again = average_classifier(model, history)
    np.testing.assert_allclose(again(IMAGES), expected, atol=1e-5)


def test_copies_of_training_images_choose_nothing(capfd):
    train, val = (ImageDataset.from_arrays(*pair) for pair in (TRAIN, VAL))
    known = np.arange(len(val)) % 3 == 0
    train = dataclasses.replace(train, groups=np.arange(len(train)))
    groups = np.where(known, np.arange(len(val)) // 3, 1000 + np.arange(len(val)))
    history = fine_tune(classifier(), train, dataclasses.replace(val, groups=groups), **BEST)
    assert f"{known.sum()} of {len(val)} validation images" in capfd.readouterr().err
    found = history.from_linear
    members, labels = found.members, VAL[1][~known]
    order = np.argsort(members.points)
    assert members.val.shape[2] == found.val.shape[1] == len(val)
    expected = fit_proportions(members.val[order][:, :, ~known], labels)
    np.testing.assert_allclose(np.array(members.proportions)[order], expected[0], atol=1e-6)
    np.testing.assert_allclose(np.array(members.temperatures)[order], expected[1], atol=1e-4)
    right = found.val[:, ~known].mean(axis=0).argmax(axis=1) == labels
    assert found.point.accuracy == pytest.approx(right.mean())


def test_without_validation_images_all_count_alike():
    model = classifier()
    history = fine_tune(model, TRAIN, None, **BEST)
    members = history.from_linear.members
    assert members.points == [4, 8, 12, 0] and members.val is None and members.average is None
    assert members.proportions == [0.25] * 4 and members.temperatures == [1.0] * 4
    each = one_by_one(model, history)
    assert np.ptp(each, axis=0).max() > 1e-4
    averaged = average_classifier(model, history)
    np.testing.assert_allclose(averaged(IMAGES), each.mean(axis=0), atol=1e-6)


def test_the_usual_preset_keeps_networks_for_an_average():
    model = classifier()
    history = fine_tune(model, TRAIN, VAL, unfreeze="from:high", augment="none", epochs=1)
    assert sorted(history.from_linear.members.points) == [0, 4, 8]
    expected = expected_average(model, history)
    np.testing.assert_allclose(average_classifier(model, history)(IMAGES), expected, atol=1e-5)


def test_classes_that_count_alike_decide_the_proportions():
    model = classifier()
    rows = np.flatnonzero((VAL[1] != 2) | (np.arange(len(VAL[1])) < 9))
    val = VAL[0][rows], VAL[1][rows]
    how = {"unfreeze": "from:high", "augment": "none", "epochs": 1, "class_weights": "balanced"}
    members = fine_tune(model, TRAIN, val, **how).from_linear.members
    counts = np.bincount(val[1])
    weights = len(val[1]) / (3 * counts[val[1]])
    found = fit_proportions(members.val, val[1], weights)
    np.testing.assert_allclose(members.proportions, found[0], atol=1e-5)
    assert not np.allclose(members.proportions, fit_proportions(members.val, val[1])[0], atol=1e-4)


def test_nothing_is_kept_for_an_average_that_is_not_wanted():
    model = classifier()
    for how in ({"preset": "fast"}, {"unfreeze": "from:high", "epochs": 1, "average": False}):
        history = fine_tune(model, TRAIN, VAL, augment="none", **how)
        assert history.from_linear.members is None
        with pytest.raises(InputError, match="average=True and a preset above 'fast'; received"):
            average_classifier(model, history)
    with pytest.raises(InputError, match="average"):
        fine_tune(model, TRAIN, VAL, preset="fast", average=True)


def test_without_a_cache_the_members_are_kept_above_the_frozen_part(tuned):
    model = classifier()
    history = fine_tune(model, TRAIN, VAL, **BEST, cache="none")
    shapes = [w.shape for w in history.from_linear.members.weights[0]]
    assert shapes == [w.shape for w in tuned[1].from_linear.members.weights[0]]
    expected = expected_average(model, history)
    np.testing.assert_allclose(average_classifier(model, history)(IMAGES), expected, atol=1e-5)


def test_a_changed_classifier_is_refused(tuned):
    model, history = classifier(), tuned[1]  # nothing is frozen in this one
    with pytest.raises(InputError, match="Leave the classifier frozen as fine_tune left it"):
        average_classifier(model, history)


def test_refit_fits_each_member_to_all_images(refitted, tuned):
    model, history = refitted
    found, before = history.from_linear, tuned[1].from_linear
    members = found.members
    assert members.points == before.members.points and found.refit
    np.testing.assert_allclose(members.proportions, before.members.proportions, atol=1e-4)
    np.testing.assert_allclose(members.val, before.members.val, atol=1e-5)  # from before it
    names = [phase["name"] for phase in history.phases]
    assert names == ["fine_tune"] * 3 + ["last_fit"] * 3
    all_images = fine_tune(classifier(), both(), None, **BEST).from_linear.members
    assert found.chosen == 0 or history.phases[found.phase]["name"] == "last_fit"
    start = classifier()
    start.set_weights(found.weights)
    kept = dict(zip(members.points, members.weights, strict=True))
    expected = start.get_layer("small").get_layer("high").get_weights()[0]
    np.testing.assert_array_equal(kept[0][0], expected)
    for point in (4, 8, 12):  # the same fit from the same start, as a search on all of them
        other = all_images.weights[all_images.points.index(point)]
        for one, two in zip(kept[point], other, strict=True):
            np.testing.assert_allclose(one, two, atol=5e-3)
    averaged = average_classifier(model, history)
    np.testing.assert_allclose(averaged(IMAGES), expected_average(model, history), atol=1e-5)


def test_the_model_itself_is_that_without_an_average(refitted):
    model = classifier()
    history = fine_tune(model, TRAIN, VAL, **BEST, refit=True, average=False)
    assert history.from_linear.members is None
    for one, other in zip(model.get_weights(), refitted[0].get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("why", ["time", "nan"])
def test_members_without_a_last_fit_stay_as_they_were(why, refitted, tuned, monkeypatch, capfd):
    if why == "time":
        answers = iter([True, True, True, True, True, False, False])
        monkeypatch.setattr(Deadline, "allows", lambda *_: next(answers, False))
    else:
        phase, phases = _FineTuning._phase, []

        def diverging(*args):
            phases.append(args)
            if len(phases) > 4:
                raise DivergedError("Expected a finite loss; received nan.")
            phase(*args)

        monkeypatch.setattr(_FineTuning, "_phase", diverging)
    model = classifier()
    history = fine_tune(model, TRAIN, VAL, **BEST, refit=True)
    members, said = history.from_linear.members, capfd.readouterr().err
    assert members.points == refitted[1].from_linear.members.points
    again = old = 0
    for number, weights in enumerate(members.weights):
        new, before = (
            all(np.allclose(*pair, atol=1e-5) for pair in zip(weights, other, strict=True))
            for other in (each[1].from_linear.members.weights[number] for each in (refitted, tuned))
        )
        assert new or before
        again, old = again + new, old + before
    assert (again, old) == (2, 2)  # the start, and the fine-tuning of the chosen point
    for one, other in zip(model.get_weights(), refitted[0].get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)  # the chosen one is fitted first
    if why == "time":
        assert "OUT OF TIME: the last fit of fine-tuning" in said
    else:
        assert "received nan. The average has this network from before it." in said
    averaged = average_classifier(model, history)
    np.testing.assert_allclose(averaged(IMAGES), expected_average(model, history), atol=1e-5)
