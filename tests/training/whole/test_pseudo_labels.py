"""Pseudo-labels: plain training without them, better than labels alone with them."""

import keras
import numpy as np
import pytest

from tests.training.small_models import coloured_images, small_classifier
from tl_keras import (
    CNN,
    MLP,
    ImageDataset,
    InputError,
    fine_tune,
    fit_from_scratch,
    fit_with_pseudo_labels,
    load_dataset,
)
from tl_keras.data.splits import keep_and_rest
from tl_keras.settings.whole_model import PseudoLabelSettings
from tl_keras.training.step_memory import ImageCost
from tl_keras.training.whole import pseudo_labels
from tl_keras.training.whole.pseudo_labels import IN_FLIGHT, affordable_groups, with_batch_size

TRAIN, VAL = coloured_images(24), coloured_images(15, seed=1)
MORE, HIDDEN = coloured_images(60, seed=2)
QUICK = {"epochs": 2, "batch_size": 24, "unlabelled_ratio": 2, "lr": 0.01, "augment": "none"}
COST = ImageCost(passing=10, training=30, itself=1)
OF_GROUP = 8 * 30 + 7 * 10 + IN_FLIGHT * 15  # with seven unlabelled images


def net(seed=0, **arguments):
    keras.utils.set_random_seed(seed)
    model = MLP(3, (8,), **arguments)
    model.build((None, 16, 16, 3))
    return model


def trained(model=None, train=TRAIN, unlabelled=MORE, val=None, **settings):
    model = model or net()
    return model, fit_with_pseudo_labels(model, train, unlabelled, val, **(QUICK | settings))


def assert_equal_weights(one, other):
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_without_weight_it_is_plain_training_to_the_last_bit():
    """Holds if there are more labelled images than the batches need; else see the next test."""
    plain = net(dropout=0.2)
    settings = {name: QUICK[name] for name in ("epochs", "lr")}
    fit_from_scratch(plain, TRAIN, VAL, augment="photos", batch_size=8, **settings)
    alone = {"unlabelled_weight": 0, "average_decay": 0.0, "augment": "photos"}
    assert_equal_weights(
        plain, trained(net(dropout=0.2), unlabelled=MORE[:40], val=VAL, **alone)[0]
    )


def test_without_weight_only_the_number_of_unlabelled_images_counts():
    one, history = trained(unlabelled_weight=0, epochs=1)
    other, _ = trained(unlabelled_weight=0, epochs=1, unlabelled=MORE[::-1])
    assert_equal_weights(one, other)
    assert set(history.history) == {"accuracy", "loss"}


def test_what_the_labels_of_the_unlabelled_say_changes_nothing_but_a_figure():
    how = {"confidence": 0.4, "epochs": 1}
    one, history = trained(unlabelled=(MORE, HIDDEN), **how)
    assert_equal_weights(one, trained(**how)[0])
    assert 0 < history.history["pseudo_label_accuracy"][-1] <= 1


def test_images_without_labels_help_where_labels_are_few():
    """Digits of 8 x 8 pixels with two labels a class, not augmented; both see as many batches."""
    train, _, test, _ = load_dataset("digits")
    few, rest = keep_and_rest(train, 2, 0)

    def accuracy(weight):
        keras.utils.set_random_seed(0)
        model = CNN(10, "small")
        how = {"epochs": 20, "lr": 3e-3, "batch_size": 80, "unlabelled_ratio": 4, "augment": "none"}
        how |= {"average_decay": 0.99, "unlabelled_weight": weight}
        fit_with_pseudo_labels(model, few, rest, **how)
        return model.evaluate(test.images, test.labels, verbose=0, return_dict=True)["accuracy"]

    assert accuracy(1.0) > accuracy(0.0) + 0.03


@pytest.mark.slow
def test_history_has_the_form_of_fit_from_scratch_and_the_rate_rises():
    _, history = trained(val=VAL, epochs=10)
    assert history.epoch == list(range(10))
    assert [phase["name"] for phase in history.phases] == ["pseudo_labels"]
    assert set(history.seconds) == {"pseudo_labels", "total"}
    names = {"accuracy", "loss", "val_accuracy", "val_loss", "pseudo_label_rate"}
    assert set(history.history) == names
    assert history.history["pseudo_label_rate"][-1] > history.history["pseudo_label_rate"][0]


def test_the_validated_average_is_what_the_model_holds():
    model, history = trained(val=VAL, epochs=3)
    figures = model.evaluate(*VAL, verbose=0, return_dict=True)
    for name in ("accuracy", "loss"):
        at_best = history.history[f"val_{name}"][history.best_epoch]
        assert figures[name] == pytest.approx(at_best, rel=1e-5)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_model():
    how = {"augment": "photos", "confidence": 0.4, "epochs": 1}
    assert_equal_weights(trained(**how)[0], trained(**how)[0])


@pytest.mark.parametrize(
    ("budget", "groups"),
    [(100 * OF_GROUP, 64), (16 * OF_GROUP, 16), (16 * OF_GROUP - 1, 8), (OF_GROUP, 1), (0, 1)],
)
def test_as_many_groups_are_taken_as_fit(budget, groups):
    assert affordable_groups(64, 7, COST, budget) == groups


@pytest.mark.parametrize(
    ("asked", "ratio", "size"), [(24, 2, 24), (26, 2, 24), (3, 2, 3), (None, 2, 24), (None, 9, 60)]
)
def test_a_batch_has_whole_groups(asked, ratio, size):
    train, more = ImageDataset.from_arrays(*TRAIN), ImageDataset.from_arrays(MORE)
    settings = PseudoLabelSettings(batch_size=asked, unlabelled_ratio=ratio)
    assert with_batch_size(settings, net(), train, more).batch_size == size


def test_where_memory_is_short_the_batch_is_smaller(monkeypatch):
    train, more = ImageDataset.from_arrays(*TRAIN), ImageDataset.from_arrays(MORE)
    monkeypatch.setattr(pseudo_labels, "free_memory", lambda: 0)
    settings = PseudoLabelSettings(unlabelled_ratio=2)
    assert with_batch_size(settings, net(), train, more).batch_size == 3


@pytest.mark.slow
def test_after_fine_tuning_what_was_frozen_stays_frozen():
    model = small_classifier()
    fine_tune(model, TRAIN, freeze_epochs=1, epochs=1, unfreeze="from:high_conv", augment="none")
    frozen = model.get_layer("small").get_layer("stem").kernel.numpy()
    tuned = model.get_layer("small").get_layer("high_conv").kernel.numpy()
    norm = model.get_layer("small").get_layer("high_bn").moving_mean.numpy()
    trained(model, confidence=0.4)
    backbone = model.get_layer("small")
    np.testing.assert_array_equal(backbone.get_layer("stem").kernel, frozen)
    np.testing.assert_array_equal(backbone.get_layer("high_bn").moving_mean, norm)
    assert np.abs(backbone.get_layer("high_conv").kernel - tuned).max() > 0


def test_nan_loss_stops_and_leaves_finite_weights():
    model = net()
    with pytest.raises(InputError, match="finite loss; received (nan|inf)"):
        trained(model, optimizer="sgd", lr=1e30, schedule="constant")
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"confidence": 1.0}, "confidence to be a number > 0 and < 1; received confidence=1.0"),
        ({"unlabelled_weight": -1}, "unlabelled_weight to be a number >= 0; received .*=-1"),
        ({"unlabelled_ratio": 0}, "unlabelled_ratio to be an integer >= 1; received .*=0"),
        ({"average_decay": 1.0}, "average_decay to be a number >= 0 and < 1; received .*=1.0"),
        ({"strong_augment": "harder"}, "strong_augment to be one of .*received .*'harder'"),
        (
            {"unlabelled": MORE[:15]},
            r"at least 16 unlabelled images.*8 times .* 2\); received 15",
        ),
        ({"batch_size": 2}, "batch_size of at least 3, a labelled image with its 2 unl.*=2"),
        ({"unlabelled": MORE[:1], "batch_size": None}, "at least 2 unlabelled images.*ved 1"),
        ({"unlabelled": "more"}, "Expected an ImageDataset, a pair .*received str"),
        ({"train": (TRAIN[0], TRAIN[1] + 1)}, "labels below 3, .*received 3 in the train set"),
        ({"train": ImageDataset.from_arrays(TRAIN[0])}, "labelled images; received array"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_training(settings, message):
    model = net()
    before = model.get_weights()
    with pytest.raises(InputError, match=message):
        trained(model, **settings)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
