"""The average of the networks of a fine-tuning with preset="best"."""

import numpy as np
import pytest

from tests.training.fine_tuning.test_from_linear import TRAIN, VAL, both, classifier
from tl_keras import InputError, average_classifier, classifier_of, fine_tune
from tl_keras.checks import DivergedError
from tl_keras.models.cutting import cut_at_frozen
from tl_keras.training.fine_tuning.fine_tune import _FineTuning
from tl_keras.training.fine_tuning.from_linear import line_of
from tl_keras.training.time_limit import Deadline

# Two rates, the second also with mixing and smoothed labels: three fine-tunings.
BEST = {"unfreeze": "from:high", "augment": "none", "preset": "best", "epochs": 2}
IMAGES = VAL[0].astype("float32")


def one_by_one(model, history):
    """Predictions of each network, by weights set into the model one after the other."""
    upper = cut_at_frozen(model).suffix
    own = upper.get_weights()
    found = [model(IMAGES, training=False).numpy()]
    for weights in history.from_linear.members.weights:
        upper.set_weights(weights)
        found.append(model(IMAGES, training=False).numpy())
    upper.set_weights(own)
    return np.array(found)


@pytest.fixture(scope="module")
def tuned():
    model = classifier()
    return model, fine_tune(model, TRAIN, VAL, **BEST)


@pytest.fixture(scope="module")
def refitted():
    model = classifier()
    return model, fine_tune(model, TRAIN, VAL, **BEST, refit=True)


def test_members_are_the_chosen_point_the_start_and_the_ends_of_the_other_lines(tuned):
    model, history = tuned
    found = history.from_linear
    chosen, *others = found.members.points
    assert chosen == found.chosen and len(found.points) == 13
    ends = [0, 4, 8, 12]
    assert others == [point for point in ends if line_of(point) != line_of(chosen)]
    each = one_by_one(model, history)
    np.testing.assert_allclose(found.members.val[:, 0], each, atol=1e-5)
    start = classifier()
    start.set_weights(found.weights)
    if chosen:
        np.testing.assert_allclose(each[others.index(0) + 1], start(IMAGES), atol=1e-6)
    averaged = average_classifier(model, history)
    np.testing.assert_allclose(averaged(IMAGES), each.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(classifier_of(averaged)(IMAGES), each[0], atol=1e-6)


def test_without_validation_images_the_usual_point_is_averaged_with_the_others():
    model = classifier()
    history = fine_tune(model, TRAIN, None, **BEST)
    members = history.from_linear.members
    assert members.points == [3, 0, 8, 12] and members.val is None
    start = classifier()
    start.set_weights(history.from_linear.weights)
    each = one_by_one(model, history)
    np.testing.assert_allclose(each[1], start(IMAGES), atol=1e-6)
    assert np.ptp(each, axis=0).max() > 1e-4
    averaged = average_classifier(model, history)
    np.testing.assert_allclose(averaged(IMAGES), each.mean(axis=0), atol=1e-6)


def test_nothing_is_kept_for_an_average_by_other_presets():
    model = classifier()
    for how in ({"preset": "fast"}, {"unfreeze": "from:high", "epochs": 1}):
        history = fine_tune(model, TRAIN, VAL, augment="none", **how)
        assert history.from_linear.members is None
        with pytest.raises(InputError, match="preset='best'; received one without other networks"):
            average_classifier(model, history)


def test_without_a_cache_the_members_are_kept_above_the_frozen_part(tuned):
    model = classifier()
    history = fine_tune(model, TRAIN, VAL, **BEST, cache="none")
    shapes = [w.shape for w in history.from_linear.members.weights[0]]
    assert shapes == [w.shape for w in tuned[1].from_linear.members.weights[0]]
    expected = one_by_one(model, history).mean(axis=0)
    np.testing.assert_allclose(average_classifier(model, history)(IMAGES), expected, atol=1e-6)


def test_a_changed_classifier_is_refused(tuned):
    model, history = classifier(), tuned[1]  # nothing is frozen in this one
    with pytest.raises(InputError, match="Leave the classifier frozen as fine_tune left it"):
        average_classifier(model, history)


def test_refit_fits_each_member_to_all_images(refitted, tuned):
    model, history = refitted
    found, before = history.from_linear, tuned[1].from_linear
    members = found.members
    assert members.points == before.members.points and found.refit
    np.testing.assert_allclose(members.val, before.members.val, atol=1e-5)  # from before it
    names = [phase["name"] for phase in history.phases]
    assert names == ["fine_tune"] * 3 + ["last_fit"] * 3
    all_images = fine_tune(classifier(), both(), None, **BEST).from_linear
    assert found.chosen == 0 or history.phases[found.phase]["name"] == "last_fit"
    start = classifier()
    start.set_weights(found.weights)
    expected = start.get_layer("small").get_layer("high").get_weights()[0]
    kept = dict(zip(members.points[1:], members.weights, strict=True))
    if 0 in kept:
        np.testing.assert_array_equal(kept[0][0], expected)
    for point in set(kept) - {0}:  # the same fit from the same start, as a search on all of them
        where = all_images.members.points
        if point in where[1:]:
            other = all_images.members.weights[where.index(point) - 1]
            for one, two in zip(kept[point], other, strict=True):
                np.testing.assert_allclose(one, two, atol=5e-3)
    averaged = average_classifier(model, history)
    expected = one_by_one(model, history).mean(axis=0)
    np.testing.assert_allclose(averaged(IMAGES), expected, atol=1e-6)


def test_the_model_itself_is_that_without_an_average(refitted, monkeypatch):
    monkeypatch.setattr("tl_keras.settings.fine_tune.FineTuneSettings.averages", False)
    model = classifier()
    history = fine_tune(model, TRAIN, VAL, **BEST, refit=True)
    assert history.from_linear.members is None
    for one, other in zip(model.get_weights(), refitted[0].get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("why", ["time", "nan"])
def test_members_without_a_last_fit_are_left_out(why, refitted, monkeypatch, capfd):
    wanted = len(refitted[1].from_linear.members.points)
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
    assert 2 <= len(members.points) < wanted
    assert len(members.weights) + 1 == len(members.points) == len(members.val)
    for one, other in zip(model.get_weights(), refitted[0].get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)  # the chosen one is fitted first
    if why == "time":
        assert "OUT OF TIME: the last fit of fine-tuning" in said
    else:
        assert "received nan. The average does without this network." in said
    expected = one_by_one(model, history).mean(axis=0)
    np.testing.assert_allclose(average_classifier(model, history)(IMAGES), expected, atol=1e-6)


def test_each_line_has_one_member(tuned):
    found = tuned[1].from_linear
    assert [line_of(point) for point in range(6)] == [None, 0, 0, 0, 0, 1]
    lines = [line_of(point) for point in found.members.points]
    assert len(set(lines)) == len(lines) == 4
