"""Pruning reaches the asked sparsity exactly, holds it, and leaves an ordinary model."""

import keras
import numpy as np
import pytest

from tests.check_model import check_model
from tests.training.small_models import coloured_images, small_classifier
from tl_keras import CNN, MLP, InputError, fit_from_scratch, freeze, load_model, prune
from tl_keras.training.whole.magnitudes import prunable_kernels
from tl_keras.training.whole.pruning import apply_masks, rising_sparsity

TRAIN, VAL = coloured_images(30), coloured_images(15, seed=1)
QUICK = {"prune_epochs": 2, "epochs": 2, "batch_size": 8, "lr": 0.003, "augment": "none"}


def net(seed=0):
    keras.utils.set_random_seed(seed)
    model = MLP(3, (16, 8))
    model.build((None, 16, 16, 3))
    return model


def pruned(sparsity=0.8, model=None, val=VAL, **settings):
    model = model or net()
    return model, prune(model, sparsity, TRAIN, val, **(QUICK | settings))


def zeros(model, also=()):
    return [kernel.numpy() == 0 for kernel in prunable_kernels(model, also)]


def share_of_zeros(model):
    return np.concatenate([zero.ravel() for zero in zeros(model)]).mean()


class Watch(keras.callbacks.Callback):
    """Notes the share of zeros, and whether a weight that was zero comes back."""

    def __init__(self):
        super().__init__()
        self.shares, self.came_back, self._before = [], False, None

    def on_train_batch_end(self, batch, logs=None):
        now = zeros(self.model)
        if self._before is not None:
            pairs = zip(self._before, now, strict=True)
            self.came_back |= any((before & ~after).any() for before, after in pairs)
        self._before = now
        self.shares.append(share_of_zeros(self.model))


@pytest.mark.parametrize(
    ("optimizer", "prune_epochs"),
    [
        ("adam", 2),
        ("sgd", 0),
        pytest.param("rmsprop", 2, marks=pytest.mark.slow),
        pytest.param("adam", 0, marks=pytest.mark.slow),
        pytest.param("sgd", 2, marks=pytest.mark.slow),
        pytest.param("rmsprop", 0, marks=pytest.mark.slow),
    ],
)
def test_the_sparsity_is_exactly_what_was_asked_whatever_moves_the_weights(optimizer, prune_epochs):
    watch = Watch()
    model, history = pruned(
        optimizer=optimizer, weight_decay=0.1, prune_epochs=prune_epochs, callbacks=[watch]
    )
    prunable = history.pruning["prunable"]
    assert prunable == 16 * 16 * 3 * 16 + 16 * 8
    assert sum(int(zero.sum()) for zero in zeros(model)) == round(0.8 * prunable)
    assert not watch.came_back
    assert watch.shares == sorted(watch.shares)
    assert watch.shares[-1] == pytest.approx(0.8, abs=1 / prunable)


def test_without_a_rise_the_weights_that_go_are_the_smallest():
    model = net()
    before = [kernel.numpy() for kernel in prunable_kernels(model)]
    pruned(0.6, model, prune_epochs=0)
    gone, kept = (
        np.concatenate([np.abs(b)[z == which] for b, z in zip(before, zeros(model), strict=True)])
        for which in (True, False)
    )
    assert gone.max() <= kept.min()
    moved = zip(before, prunable_kernels(model), zeros(model), strict=True)
    assert any((old[~zero] != new.numpy()[~zero]).any() for old, new, zero in moved)


def test_zeros_hold_within_executions_of_many_steps_and_in_the_fused_update():
    model, _ = pruned(0.7, batch_size=2, epochs=3, prune_epochs=0)  # 15 steps in one call
    assert share_of_zeros(model) == pytest.approx(0.7, abs=1e-4)


@pytest.mark.parametrize(("prune_epochs", "epochs"), [(0, 1), (1, 0)])
def test_zeros_hold_where_the_optimizer_scales_the_loss(half_precision, prune_epochs, epochs):
    watch = Watch()
    model, history = pruned(
        0.7, val=None, epochs=epochs, prune_epochs=prune_epochs, callbacks=[watch]
    )
    assert model.compute_dtype == "float16"
    prunable = history.pruning["prunable"]
    assert sum(int(zero.sum()) for zero in zeros(model)) == round(0.7 * prunable)
    assert not watch.came_back


@pytest.mark.slow
def test_the_same_share_of_each_layer():
    model, history = pruned(0.5, scope="layer", val=None)
    assert [zero.mean() for zero in zeros(model)] == [0.5, 0.5]
    assert list(history.pruning["kernels"].values()) == [0.5, 0.5]


def test_biases_normalisation_and_the_last_layer_are_spared():
    model, _ = pruned(0.9, small_classifier(), val=None, prune_epochs=0)
    of_kernels = sum(int(zero.sum()) for zero in zeros(model))
    assert of_kernels == round(0.9 * sum(zero.size for zero in zeros(model)))
    assert (model.get_layer("predictions").kernel.numpy() != 0).all()
    how = {"val": None, "prune_epochs": 0, "epochs": 0}
    _, history = pruned(0.9, small_classifier(), also=("last",), **how)
    assert list(history.pruning["kernels"])[-1] == "predictions/kernel"


def test_sparsity_rises_by_the_cube():
    shares = [rising_sparsity(0.8, part) for part in (0.0, 0.25, 0.5, 1.0)]
    np.testing.assert_allclose(shares, [0, 0.8 * (1 - 0.421875), 0.7, 0.8])


def test_report_says_what_was_gained_and_what_it_cost():
    model = net()
    fit_from_scratch(model, TRAIN, VAL, epochs=12, lr=0.01, batch_size=8, augment="none")
    _, history = pruned(0.9, model, epochs=6)
    before, after = history.pruning["before"], history.pruning["after"]
    assert before["weights"] == after["weights"] == model.count_params()
    assert before["zeros"] < 100 and after["zeros"] >= 0.9 * history.pruning["prunable"] - 1
    assert after["gzip_bytes"] < 0.5 * before["gzip_bytes"]
    assert before["val_accuracy"] > 0.9 and after["val_accuracy"] > 0.9
    measured = model.evaluate(*VAL, verbose=0, return_dict=True)["accuracy"]
    assert measured == pytest.approx(after["val_accuracy"])
    assert [phase["name"] for phase in history.phases] == ["prune", "fine_tune"]
    assert history.epoch == list(range(8))
    assert {len(column) for column in history.history.values()} == {8}
    assert set(history.seconds) == {"prune", "fine_tune", "total"}


def test_the_best_epoch_at_the_full_sparsity_is_kept():
    model, history = pruned(epochs=5, lr=0.05)
    accuracies = history.history["val_accuracy"][2:]
    assert history.pruning["after"]["val_accuracy"] >= max(accuracies) - 1e-6


def test_a_pruned_model_is_saved_loaded_and_trained_like_any_other(tmp_path):
    model, _ = pruned(val=None, epochs=0)
    model.save(tmp_path / "pruned.keras")
    loaded = load_model(tmp_path / "pruned.keras", compile=True)
    np.testing.assert_allclose(loaded(VAL[0]), model(VAL[0]), atol=1e-6)
    assert share_of_zeros(loaded) == share_of_zeros(model)
    how = {"val": None, "prune_epochs": 0, "epochs": 1}
    eager = {"optimizer": "sgd", "loss": "sparse_categorical_crossentropy", "run_eagerly": True}
    check_model(
        lambda: pruned(model=convolutional(), **how)[0],
        *TRAIN,
        probabilities=True,
        compile_args=eager,
    )


def convolutional():
    model = CNN(3, "small")
    model.build((None, 16, 16, 3))
    return model


@pytest.mark.slow
def test_frozen_layers_train_meanwhile_but_frozen_normalisation_stays():
    model = freeze(small_classifier())
    flags = [layer.trainable for layer in model._flatten_layers()]
    before = {w.path: w.numpy() for w in model.weights}
    pruned(model=model, val=None)
    for weight in model.weights:
        same = (weight.numpy() == before[weight.path]).all()
        assert same == ("_bn/" in weight.path), weight.path
    assert [layer.trainable for layer in model._flatten_layers()] == flags


@pytest.mark.slow
def test_the_same_seed_gives_the_same_weights():
    first, second = (pruned(augment="photos")[0].get_weights() for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_no_epochs_take_the_weights_and_no_more():
    model, history = pruned(0.5, val=None, prune_epochs=0, epochs=0)
    by_hand = net()
    apply_masks(prunable_kernels(by_hand), 0.5, "global")
    for one, other in zip(model.get_weights(), by_hand.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert history.epoch == [] and "val_accuracy" not in history.pruning["after"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sparsity": 0}, "sparsity to be a number > 0 and < 1; received sparsity=0"),
        ({"sparsity": 1.0}, "sparsity to be a number > 0 and < 1; received sparsity=1.0"),
        ({"prune_epochs": -1}, "prune_epochs to be an integer >= 0; received prune_epochs=-1"),
        ({"scope": "all"}, "scope to be one of .*layer.*; received scope='all'"),
        ({"also": ("biases",)}, "also to be one of depthwise, last; received also='biases'"),
        ({"lr": 0}, "lr to be a number > 0; received lr=0"),
        ({"val": (VAL[0], VAL[1] + 1)}, "labels below 3, .*received 3 in the val set"),
        ({"model": MLP(3)}, "one output vector per image.*output shape None"),
    ],
)
def test_what_cannot_be_pruned_is_refused_and_the_model_left(settings, message):
    model = settings.pop("model", None) or net()
    before = model.get_weights() if model.built else []
    with pytest.raises(InputError, match=message):
        pruned(model=model, **settings)
    for old, new in zip(before, model.get_weights() if model.built else [], strict=True):
        np.testing.assert_array_equal(old, new)
