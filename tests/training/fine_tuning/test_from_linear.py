"""Fine-tuning from a linear start."""

import functools

import keras
import numpy as np
import pytest

from tests.replicas import check_program
from tl_keras import InputError, build_classifier, fine_tune
from tl_keras.checks import DivergedError
from tl_keras.data.array_store import room_taken
from tl_keras.data.dataset import ImageDataset
from tl_keras.models.backbones.backbone import build_backbone
from tl_keras.settings.fine_tune import (
    HIGHEST_RATE,
    LOWEST_RATE,
    FineTuneSettings,
    without_decided,
)
from tl_keras.training.fine_tuning import from_linear
from tl_keras.training.fine_tuning.fine_tune import _FineTuning
from tl_keras.training.fine_tuning.from_linear import POINTS, USUAL, choose
from tl_keras.training.fine_tuning.inputs import suited_to_data
from tl_keras.training.fine_tuning.linear_head import takes_linear_start
from tl_keras.training.fine_tuning.linear_start import fit_linear_start
from tl_keras.training.frozen.cache_room import choose_cache
from tl_keras.training.frozen.feature_cache import compute_features
from tl_keras.training.time_limit import Deadline


def small_backbone(seed=0):
    keras.utils.set_random_seed(seed)
    image = keras.Input((16, 16, 3))
    x = keras.layers.Rescaling(1 / 255)(image)
    x = keras.layers.Conv2D(8, 3, activation="relu", name="low")(x)
    x = keras.layers.Conv2D(8, 3, activation="relu", name="high")(x)
    return build_backbone(keras.Model(image, x, name="small"))


def classifier(seed=0, **how):
    how = {"head": "linear", "dropout": 0.0} | how
    return build_classifier(small_backbone(seed), 3, **how)


def stripes(n, seed=0, noise=60):
    """Colour images whose class is the colour of a bar at the left."""
    generator = np.random.default_rng(seed)
    images, labels = generator.normal(128, noise, (n, 16, 16, 3)), np.arange(n) % 3
    for image, label in zip(images, labels, strict=True):
        image[:, :6, label] += 50
    return np.clip(images, 0, 255).astype(np.uint8), labels.astype(np.int32)


TRAIN, VAL = stripes(36), stripes(30, seed=1)
HOW = {"unfreeze": "from:high", "epochs": 2, "augment": "flip", "lr": 1e-3}


def mean_over_mirror_images(model, images):
    views = images.astype("float32"), images[:, :, ::-1].astype("float32")
    return np.mean([model.predict(view, verbose=0) for view in views], axis=0)


@pytest.fixture(scope="module")
def tuned():
    model = classifier()
    return model, fine_tune(model, TRAIN, VAL, **HOW)


def test_fast_is_the_logistic_regression_on_frozen_features():
    model = classifier()
    history = fine_tune(model, TRAIN, VAL, preset="fast", augment="flip")
    features = keras.Sequential(model.layers[:-1])
    views = [
        features.predict(view.astype("float32"), verbose=0)
        for view in (TRAIN[0], TRAIN[0][:, :, ::-1])
    ]
    start = fit_linear_start(np.stack(views), TRAIN[1], 3)
    np.testing.assert_allclose(
        model.layers[-1].get_weights()[0], start.kernel, rtol=1e-2, atol=1e-3
    )
    assert history.epoch == [] and history.best_epoch is None
    assert history.from_linear.chosen == 0 and len(history.from_linear.points) == 1


def test_the_losses_of_the_points_are_those_of_the_model_at_each(tuned):
    model, history = tuned
    points, weights = history.from_linear.points, model.get_weights()
    assert [point.share for point in points] == [0.0, *POINTS]
    best = history.from_linear.point
    accuracy = np.mean(mean_over_mirror_images(model, VAL[0]).argmax(axis=1) == VAL[1])
    assert accuracy == pytest.approx(best.accuracy)
    model.set_weights(history.from_linear.weights)
    accuracy = np.mean(mean_over_mirror_images(model, VAL[0]).argmax(axis=1) == VAL[1])
    model.set_weights(weights)
    assert accuracy == pytest.approx(points[0].accuracy)


def test_what_is_kept_lies_on_the_line_and_frozen_layers_stay(tuned):
    model, history = tuned
    plain = classifier()  # the same seed: the backbone before any training
    low, high = (model.get_layer("small").get_layer(name) for name in ("low", "high"))
    before = plain.get_layer("small")
    np.testing.assert_array_equal(low.get_weights()[0], before.get_layer("low").get_weights()[0])
    if history.from_linear.chosen:
        assert not np.allclose(high.get_weights()[0], before.get_layer("high").get_weights()[0])


def test_without_validation_the_usual_point_is_kept():
    model = classifier()
    history = fine_tune(model, TRAIN, None, **HOW)
    assert history.from_linear.point.share == USUAL
    assert history.from_linear.point.loss is None
    assert history.from_linear.point.lr == HOW["lr"]


@pytest.mark.parametrize("how", [{"cache": "none"}, {"classifier_activation": None}], ids=str)
def test_without_a_cache_or_a_softmax_the_points_are_the_same(how, tuned):
    built = {name: how[name] for name in how if name != "cache"}
    settings = {name: how[name] for name in how if name == "cache"}
    history = fine_tune(classifier(**built), TRAIN, VAL, **HOW, **settings)
    losses, expected = (
        [point.loss for point in each.from_linear.points] for each in (history, tuned[1])
    )
    if "cache" in how:  # as many views as epochs there, here any number
        losses, expected = losses[:1], expected[:1]
    np.testing.assert_allclose(losses, expected, rtol=1e-3)


def test_where_fine_tuning_does_harm_the_start_is_kept():
    history = fine_tune(classifier(), TRAIN, VAL, **HOW | {"lr": 3.0})
    points = history.from_linear.points
    assert points[-1].loss > points[0].loss
    assert history.from_linear.point.loss <= points[0].loss


def fine_tunings(size, **asked):
    return FineTuneSettings(**asked).filled().fine_tunings(size)


def test_few_images_are_fine_tuned_gently_and_mixed_and_many_images_once():
    gentle, strong = fine_tunings(100)
    assert (gentle.lr, gentle.epochs, gentle.mixup, gentle.label_smoothing) == (1e-4, 80, 0, 0)
    assert (strong.lr, strong.epochs) == (3e-4, 80)
    assert (strong.mixup, strong.cutmix, strong.label_smoothing) == (1, 0.5, 0.1)
    assert [each.epochs for each in fine_tunings(250)] == [32, 32]
    assert fine_tunings(320)[0].mixup == 0
    assert [(each.lr, each.epochs) for each in fine_tunings(320)] == [(3e-4, 40)]
    assert [each.epochs for each in fine_tunings(640)] == [25]
    assert [(each.lr, each.epochs) for each in fine_tunings(9999)] == [(3e-4, 16)]


def test_one_fine_tuning_of_few_images_has_all_the_passes():
    assert [tried.epochs for tried in fine_tunings(250)] == [32, 32]
    assert [tried.epochs for tried in fine_tunings(250, lr=1e-3)] == [64]


def test_a_configuration_keeps_what_was_asked_for_alone():
    dataset = ImageDataset.from_arrays(*stripes(400))
    settings = suited_to_data(FineTuneSettings().filled(), dataset)
    assert settings == FineTuneSettings().filled() and settings.lr is settings.epochs is None
    again = FineTuneSettings(**without_decided(vars(settings)) | {"preset": "best"}).filled()
    tried = [(each.lr, each.epochs, each.mixup) for each in again.fine_tunings(400)]
    assert tried == [(HIGHEST_RATE, 40, 0.0), (HIGHEST_RATE, 40, 1.0)]
    FineTuneSettings(**without_decided(vars(settings)) | {"preset": "fast"})  # refused before


def test_what_is_asked_for_is_kept_in_each_fine_tuning():
    asked = fine_tunings(100, epochs=2, label_smoothing=0.2)
    assert [(each.lr, each.epochs) for each in asked] == [(1e-4, 2), (3e-4, 2)]
    assert [(each.mixup, each.label_smoothing) for each in asked] == [(0, 0.2), (1, 0.2)]
    assert [(each.lr, each.epochs) for each in fine_tunings(100, lr=1e-3)] == [(1e-3, 80)]
    assert len(fine_tunings(100, preset="best", lr=1e-3, epochs=2, mixup=0)) == 2  # smoothed too
    assert len(fine_tunings(100, preset="best", mixup=0, label_smoothing=0, lr=1e-3)) == 1


def test_a_part_of_cut_images_is_for_the_fine_tunings_that_mix():
    assert [(each.mixup, each.cutmix) for each in fine_tunings(100, cutmix=0.2)] == [
        (0, None),
        (1, 0.2),
    ]
    with pytest.raises(InputError, match="cutmix"):
        fine_tunings(320, cutmix=0.2)  # these are not mixed


def test_best_also_tries_mixed_images_and_trains_longer():
    gentle, long, stronger = fine_tunings(100, preset="best")
    assert (gentle.epochs, long.epochs, stronger.epochs) == (80, 80, 80)
    assert (stronger.lr, stronger.mixup, stronger.cutmix) == (3e-4, 1, 0.5)
    assert stronger.label_smoothing == 0.1 and not long.label_smoothing
    assert [each.epochs for each in fine_tunings(9999, preset="best")] == [40, 40]
    how = {name: HOW[name] for name in ("unfreeze", "epochs", "augment")}
    history = fine_tune(classifier(), TRAIN, VAL, **how, preset="best")
    rates = [point.lr for point in history.from_linear.points]
    expected = [LOWEST_RATE, HIGHEST_RATE, HIGHEST_RATE]
    assert rates[0] is None and rates[1:] == pytest.approx(np.repeat(expected, 4))
    assert [phase["end"] - phase["start"] for phase in history.phases] == [2, 2, 2]
    number = history.from_linear.phase
    assert history.best_epoch == (None if number is None else (1, 3, 5)[number])
    if number is not None:
        assert history.from_linear.point.lr == pytest.approx(expected[number])


def test_validation_is_measured_a_few_times_in_a_long_fine_tuning():
    history = fine_tune(classifier(), TRAIN, VAL, **HOW | {"epochs": 20})
    measured = np.isfinite(history.history["val_loss"])
    assert np.flatnonzero(measured).tolist() == [1, 4, 7, 9, 11, 14, 17, 19]
    assert np.isfinite(history.history["loss"]).all() and len(history.epoch) == 20


def both():
    return np.concatenate([TRAIN[0], VAL[0]]), np.concatenate([TRAIN[1], VAL[1]])


def test_refit_of_the_start_is_the_start_of_training_and_validation_images():
    model, other, alone = classifier(), classifier(), classifier()
    found = fine_tune(model, TRAIN, VAL, preset="fast", augment="flip", refit=True).from_linear
    fine_tune(other, both(), preset="fast", augment="flip")
    np.testing.assert_allclose(model.get_weights()[-2], other.get_weights()[-2], atol=1e-4)
    fine_tune(alone, TRAIN, preset="fast", augment="flip")
    expected = mean_over_mirror_images(alone, VAL[0])
    np.testing.assert_allclose(found.val.mean(axis=0), expected, atol=1e-4)
    assert found.refit and len(found.starts.both.probabilities) == len(TRAIN[1]) + len(VAL[1])


def test_refit_goes_the_chosen_way_with_all_images_and_keeps_what_it_predicted_before(monkeypatch):
    monkeypatch.setattr(from_linear, "choose", lambda losses, usual, *rest: (2, losses.std(axis=1)))
    how = HOW | {"augment": "none", "batch_size": 66}  # neither the order nor the epoch matters
    before, model = classifier(), classifier()
    first = fine_tune(before, TRAIN, VAL, **how).from_linear
    history = fine_tune(model, TRAIN, VAL, **how, refit=True)
    found = history.from_linear
    assert found.point.share == first.point.share == 0.5
    np.testing.assert_allclose(found.val, first.val, atol=1e-5)
    other = fine_tune(classifier(), both(), None, **how)
    end = [b + (a - b) / USUAL for a, b in zip(*_weights(other), strict=True)]
    share = found.point.share
    for kept, start, last in zip(model.get_weights(), found.weights, end, strict=True):
        np.testing.assert_allclose(kept, start + share * (last - start), atol=2e-4)
    assert [phase["name"] for phase in history.phases] == ["fine_tune", "last_fit"]
    assert history.best_epoch == 3


def test_refit_joins_grey_images_and_coloured_ones():
    grey = VAL[0][..., :1]
    same, how = np.repeat(grey, 3, axis=-1), HOW | {"augment": "none", "epochs": 1, "refit": True}
    found, same = (fine_tune(classifier(), TRAIN, (x, VAL[1]), **how) for x in (grey, same))
    assert len(found.phases) == len(same.phases) == 2
    for one, other in zip(found.model.get_weights(), same.model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


SHORT = {"unfreeze": "from:high", "epochs": 1, "augment": "none", "refit": True}


def test_minutes_that_the_start_took_leave_no_fine_tuning(capfd):
    history = fine_tune(classifier(), TRAIN, VAL, **SHORT, minutes=1e-6)
    assert history.phases == [] and history.best_epoch is None
    assert len(history.from_linear.points) == 1 and history.from_linear.refit
    assert "OUT OF TIME: fine-tuning is left out." in capfd.readouterr().err


def test_what_the_minutes_leave_out_is_said(capfd, monkeypatch):
    answers = iter([True, True, False, False])  # at all; the first, the second, the last fit
    monkeypatch.setattr(Deadline, "allows", lambda *_: next(answers))
    history = fine_tune(classifier(), TRAIN, VAL, **SHORT)
    assert len(history.phases) == 1 and not history.from_linear.refit
    said = capfd.readouterr().err
    assert "OUT OF TIME: fine-tuning 2 of 2 at learning rate 0.0003 is left out." in said
    assert "OUT OF TIME: the last fit with the validation images is left out." in said


@pytest.mark.parametrize("diverging", [(3e-4,), (1e-4, 3e-4)], ids=["one", "all"])
def test_a_fine_tuning_that_diverges_leaves_the_others(diverging, monkeypatch, capfd):
    add = from_linear._Lines.add

    def sometimes(lines, tried, fit):
        if tried.lr in diverging:
            raise DivergedError(f"Expected a finite loss; received nan at {tried.lr}.")
        add(lines, tried, fit)

    monkeypatch.setattr(from_linear._Lines, "add", sometimes)
    tune = functools.partial(fine_tune, classifier(), TRAIN, VAL, **SHORT | {"refit": False})
    if len(diverging) == 2:
        with pytest.raises(DivergedError, match="received nan at 0.0003"):
            tune()
        return
    rates = [point.lr for point in tune().from_linear.points]
    assert rates == [None, *[1e-4] * len(POINTS)]
    assert "received nan at 0.0003" in capfd.readouterr().err


def test_a_last_fit_that_diverges_leaves_the_model_from_before_it(monkeypatch, capfd):
    phase, phases = _FineTuning._phase, []

    def diverging_at_last(*args):
        phases.append(args)
        if len(phases) == 2:
            raise DivergedError("Expected a finite loss; received nan.")
        phase(*args)

    how = SHORT | {"lr": 1e-3}
    plain = fine_tune(classifier(), TRAIN, VAL, **how | {"refit": False})
    monkeypatch.setattr(_FineTuning, "_phase", diverging_at_last)
    found = fine_tune(classifier(), TRAIN, VAL, **how)
    assert len(phases) == 2 and not found.from_linear.refit
    assert "The model from before the last fit is kept." in capfd.readouterr().err
    for one, other in zip(found.model.get_weights(), plain.model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_the_frozen_part_runs_once_for_the_search_and_the_last_fit():
    sizes = []

    class Store:
        choose = staticmethod(choose_cache)

        def compute(self, prefix, source, **how):
            sizes.append(len(source.labels))
            return compute_features(prefix, source, **how)

    assert fine_tune(classifier(), TRAIN, VAL, **SHORT, features=Store()).from_linear.refit
    every, val = len(both()[1]), len(VAL[1])
    assert sizes == [every, every, val]  # for the regression, for fine-tuning, to measure it


@pytest.mark.parametrize("cache", ["auto", "none"])
def test_the_search_of_a_refit_sees_the_training_images_alone_as_without_one(cache):
    how = SHORT | {"augment": "flip", "epochs": 2, "cache": cache, "lr": 1e-3}
    searched, plain = (
        fine_tune(classifier(), TRAIN, VAL, **how | {"refit": refit}) for refit in (True, False)
    )
    for name, losses in plain.history.items():
        np.testing.assert_allclose(searched.history[name][: len(losses)], losses, atol=1e-4)
    np.testing.assert_allclose(searched.from_linear.val, plain.from_linear.val, atol=1e-4)


def _weights(history):
    return history.model.get_weights(), history.from_linear.weights


def test_the_usual_point_is_kept_unless_another_is_better_by_a_standard_error():
    losses = np.array([[1.0, 2.0, 3.0], [1.0, 1.0, 1.0], [0.0, 2.0, 1.3]])
    best, errors = choose(losses, 2)
    assert best == 2  # 0.1 worse than the lowest, with an error of 0.5
    np.testing.assert_allclose(
        errors, [np.std([0, 1, 2]) / 3**0.5, 0, np.std([-1, 1, 0.3]) / 3**0.5]
    )
    assert choose(losses, 0)[0] == 1  # 1.0 worse, with an error of 0.47


def test_a_point_of_lower_loss_that_answers_fewer_images_rightly_is_left_out():
    losses = np.stack([np.full(100, 0.8), np.full(100, 0.7), np.full(100, 0.6)])
    right = np.arange(100) < np.array([[70], [67], [66]])  # 0, 3 and 4 points behind the start
    assert choose(losses, 2)[0] == 2
    assert choose(losses, 2, None, right)[0] == 1
    assert choose(losses, 1, None, right)[0] == 1
    weights = np.where(np.arange(100) < 67, 2.0, 1e-9)  # the lost images hardly count
    assert choose(losses, 1, weights, right)[0] == 2


@pytest.mark.parametrize(
    ("how", "takes"),
    [
        ({}, True),
        ({"classifier_activation": None}, True),
        ({"head": "gap", "hidden_units": 4}, False),
    ],
)
def test_a_linear_head_alone_takes_a_linear_start(how, takes):
    model = classifier(**how)
    trainable = [layer.trainable for layer in model._flatten_layers()]
    assert takes_linear_start(model) is takes
    assert [layer.trainable for layer in model._flatten_layers()] == trainable


@pytest.mark.parametrize(
    ("how", "options", "message"),
    [
        ({"head": "gap"}, {"linear_start": True}, "head='linear' on a backbone for linear_start"),
        ({}, {"patience": 2}, "no patience where it has no effect, with linear_start=True"),
        ({}, {"linear_start": True, "freeze_epochs": 2}, "no freeze_epochs with linear_start=True"),
        ({}, {"preset": "fast", "epochs": 3}, "no epochs with preset='fast'"),
        ({}, {"preset": "fast", "lr": 1e-3}, "no lr where it has no effect, with preset='fast'"),
        ({}, {"epochs": 0, "lr": 1e-3, "linear_start": True}, "no lr where .*, with epochs=0"),
        ({}, {"epochs": 0, "mixup": 1.0}, "no mixup where it has no effect, with epochs=0"),
        ({}, {"unfreeze": "none", "epochs": 3}, "no epochs where .*, with unfreeze='none'"),
        ({}, {"unfreeze": "none", "views": 3}, "no views where .*, with unfreeze='none'"),
        ({}, {"preset": "slow"}, "preset to be one of"),
        ({}, {"unfreeze": "none", "preset": "best"}, "no preset where .*, with unfreeze='none'"),
        ({}, {"epochs": 0, "preset": "best"}, "no preset where it has no effect, with epochs=0"),
        ({}, {"preset": "best", "linear_start": False}, "no preset where it has no effect"),
        ({}, {"refit": True, "linear_start": False}, "no refit where it has no effect"),
    ],
)
def test_options_that_contradict_each_other_are_refused(how, options, message):
    with pytest.raises(InputError, match=message):
        fine_tune(classifier(**how), TRAIN, VAL, **options)


def test_epochs_of_the_head_alone_ask_for_the_way_without_a_linear_start():
    history = fine_tune(classifier(), TRAIN, VAL, freeze_epochs=1, epochs=0, augment="none")
    assert [phase["name"] for phase in history.phases] == ["head"]
    assert history.from_linear is None


def test_images_of_one_colour_only_are_refused_before_training():
    same = ImageDataset.from_arrays(
        np.full((12, 16, 16, 3), 9, np.uint8), np.arange(12) % 3, class_names=("a", "b", "c")
    )
    with pytest.raises(InputError, match=r"features that differ .*=False \(--no-linear-start\)"):
        fine_tune(classifier(), same, VAL, augment="none")


REPLICAS = """
from tests.training.fine_tuning.test_from_linear import HOW, TRAIN, VAL, classifier
from tl_keras import fine_tune

def losses(strategy):
    with strategy.scope():
        model = classifier()
    history = fine_tune(model, TRAIN, VAL, batch_size=12, **HOW)
    return [point.loss for point in history.from_linear.points], model.get_weights()

(one, weights), (two, others) = losses(tf.distribute.get_strategy()), losses(two_replicas())
np.testing.assert_allclose(one, two, rtol=1e-4)
for a, b in zip(weights, others, strict=True):
    np.testing.assert_allclose(a, b, atol=1e-4)
print("equal")
"""


@pytest.mark.slow
def test_one_replica_and_two_give_the_same_points_and_weights():
    check_program(REPLICAS)


@pytest.mark.usefixtures("others_keep_their_room")
def test_images_that_were_resized_give_up_their_room_for_the_features():
    x, y = TRAIN
    found = []
    for tight in (True, False):
        data = ImageDataset.from_arrays(x[:, ::2, ::2], y)
        taken = sum(room_taken().values())
        images = data.decoded((16, 16)).nbytes
        model = classifier()
        room = {"cache_gb": (taken + images + 100.5) / 1e9} if tight else {}
        fine_tune(model, data, None, preset="fast", augment="flip", **room)
        found.append(model.get_weights())
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)
