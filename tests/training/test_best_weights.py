"""The epoch that is kept, against lists of accuracies and losses made up by hand."""

import math
import types

import pytest

from tl_keras.checks import DivergedError
from tl_keras.training.best_weights import BestWeights

START = {"accuracy": 0.5, "loss": 1.0}


def kept_of(accuracies, losses=None, *, start=START, **arguments):
    """(number of the epoch that is kept, None for the start; number of epochs that ran)."""
    now = ["start"]
    best = BestWeights(start, **arguments)
    model = types.SimpleNamespace(stop_training=False)
    model.get_weights, model.set_weights = lambda: list(now), lambda weights: held.extend(weights)
    held = []
    best.set_model(model)
    best.on_train_begin()
    ran = 0
    for epoch, accuracy in enumerate(accuracies):
        now[0], ran = epoch, epoch + 1
        loss = losses[epoch] if losses else 1 - accuracy
        best.on_epoch_end(epoch, {"val_accuracy": accuracy, "val_loss": loss})
        if model.stop_training:
            break
    best.restore()
    kept = None if held[0] == "start" else held[0]
    assert kept == best.best_epoch
    return kept, ran


def test_without_a_number_of_images_the_highest_accuracy_is_kept():
    assert kept_of([0.6, 0.9, 0.89, 0.7]) == (1, 4)


def test_the_latest_epoch_within_one_standard_error_of_the_best_is_kept():
    # The standard error of 0.9 on 100 images is 0.03.
    assert kept_of([0.6, 0.9, 0.88, 0.86], size=100)[0] == 2
    assert kept_of([0.6, 0.9, 0.88, 0.86], size=10_000)[0] == 1


def test_an_epoch_below_the_start_is_never_kept():
    assert kept_of([0.49, 0.48], size=10)[0] is None


def test_equal_accuracies_are_told_apart_by_the_loss():
    assert kept_of([0.5, 0.5], [1.1, 1.2], size=10)[0] is None
    assert kept_of([0.5, 0.5], [0.9, 1.2], size=10)[0] == 0


def trained(events):
    """A `BestWeights` without validation after batches ("b", loss) and ends of epochs ("e").

    The weights are the number of batches so far.
    """
    best, batches = BestWeights(None), [0]
    model = types.SimpleNamespace(get_weights=lambda: batches[0])
    model.set_weights = lambda weights: setattr(model, "held", weights)
    best.set_model(model)
    best.on_train_begin()
    epoch = 0
    for event, *loss in events:
        if event == "b":
            batches[0] += 1
            best.on_train_batch_end(0, {"loss": loss[0]})
        else:
            best.on_epoch_end(epoch, {})
            epoch += 1
    return best


GOOD, BAD, END = ("b", 1.0), ("b", math.nan), ("e",)


def test_without_validation_the_last_epoch_is_kept_once_a_loss_on_it_is_finite():
    best = trained([GOOD, END, GOOD, END, GOOD, END])
    assert best.unproven and best.best_epoch == 1
    best.prove(0.5)
    best.restore()
    assert (best.best_epoch, best.model.held, best.unproven) == (2, 3, False)


@pytest.mark.parametrize(
    ("events", "kept"),
    [
        ([GOOD, END, BAD], 0),  # one batch an epoch: its update made the weights NaN
        ([GOOD, END, GOOD, END, BAD], 1),
        ([GOOD, GOOD, END, GOOD, BAD], 2),  # in the middle of an epoch
        ([BAD], 0),
    ],
)
def test_weights_are_kept_only_if_a_later_loss_on_them_was_finite(events, kept):
    best = trained(events[:-1])
    with pytest.raises(DivergedError, match="received nan at batch 1. The best weights so far"):
        best.on_train_batch_end(0, {"loss": math.nan})
    assert best.model.held == kept


def test_weights_of_the_last_epoch_with_a_loss_that_is_no_number_are_not_kept():
    best = trained([GOOD, END, GOOD, END])
    with pytest.raises(DivergedError, match="received inf after epoch 2"):
        best.prove(math.inf)
    assert best.model.held == 1 and best.best_epoch == 0


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_an_epoch_whose_validation_loss_is_no_number_is_never_kept(loss):
    # All predictions are NaN, which counts as class 0 and may well be right.
    assert kept_of([0.6, 1.0], [0.4, loss], size=10)[0] == 0
    assert kept_of([1.0, 1.0], [loss, loss], patience=2)[1] == 2


@pytest.mark.parametrize("size", [None, 100])
def test_patience_counts_epochs_without_a_higher_accuracy(size):
    assert kept_of([0.6, 0.59, 0.59, 0.9], patience=2, size=size)[1] == 3
    assert kept_of([0.6, 0.59, 0.61, 0.6, 0.6], patience=2, size=size)[1] == 5
