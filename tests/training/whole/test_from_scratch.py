"""Training from scratch: the speed changes nothing, the best epoch stays, bad input is refused."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training.small_models import coloured_images
from tl_keras import CNN, MLP, RNN, ImageDataset, InputError, fit_from_scratch, load_model
from tl_keras.data.pipelines.batches import index_batches
from tl_keras.training.best_weights import DivergedError

TRAIN, VAL = coloured_images(40), coloured_images(15, seed=1)
QUICK = {"epochs": 2, "batch_size": 8, "lr": 0.01, "augment": "none"}


def perceptron(**arguments):
    keras.utils.set_random_seed(0)
    return MLP(3, **({"hidden_units": (16,)} | arguments))


def fitted(model=None, train=TRAIN, val=VAL, **settings):
    model = model or perceptron()
    return model, fit_from_scratch(model, train, val, **(QUICK | settings))


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_it_ends_with_the_weights_of_plain_keras_on_the_same_batches(optimizer):
    model, _ = fitted(val=None, optimizer=optimizer, schedule="constant", batch_size=16)
    plain = perceptron()
    plain.build((None, 16, 16, 3))
    sgd = keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True)
    plain.compile(
        keras.optimizers.Adam(0.01) if optimizer == "adam" else sgd,
        "sparse_categorical_crossentropy",
        jit_compile=False,
    )
    batches = index_batches(40, 16, seed=0, shuffle=True)
    for _ in range(2):
        for _, indices in batches:
            plain.train_on_batch(TRAIN[0][indices], TRAIN[1][indices])
    for mine, its in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(mine, its, atol=1e-5)


@pytest.mark.parametrize(
    "build",
    [
        lambda: CNN(3, "small"),
        pytest.param(lambda: RNN(3, units=16), marks=pytest.mark.slow),
        pytest.param(perceptron, marks=pytest.mark.slow),
    ],
    ids=["cnn", "rnn", "mlp"],
)
def test_every_baseline_learns_and_can_be_fitted_on(build, tmp_path):
    keras.utils.set_random_seed(0)
    model, history = fitted(build(), epochs=12)
    assert model.evaluate(*VAL, verbose=0, return_dict=True)["accuracy"] > 0.9
    assert len(history.history["val_accuracy"]) == 12
    model.save(tmp_path / "net.keras")
    load_model(tmp_path / "net.keras", compile=True).fit(*TRAIN, verbose=0)


def test_a_sequential_model_with_logits_learns_too():
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Rescaling(1 / 255), keras.layers.Flatten(), keras.layers.Dense(3)]
    model, _ = fitted(keras.Sequential([keras.Input((16, 16, 3)), *layers]), epochs=12)
    assert model.evaluate(*VAL, verbose=0, return_dict=True)["accuracy"] > 0.9


def test_the_best_epoch_is_what_is_kept():
    model, history = fitted(epochs=6, lr=0.5, schedule="constant")
    accuracies, losses = history.history["val_accuracy"], history.history["val_loss"]
    scores = list(zip(accuracies, np.negative(losses), strict=True))
    assert history.best_epoch == max(range(6), key=scores.__getitem__)
    kept = model.evaluate(*VAL, verbose=0, return_dict=True)["accuracy"]
    assert kept == pytest.approx(max(accuracies))


def test_history_has_the_form_of_fine_tune():
    _, history = fitted(epochs=3)
    assert history.epoch == [0, 1, 2]
    (phase,) = history.phases
    assert phase == {"name": "from_scratch", "start": 0, "end": 3, "trainable_weights": 4}
    assert history.seconds["total"] >= history.seconds["from_scratch"] > 0


@pytest.mark.slow
def test_the_same_seed_gives_the_same_weights_dropout_and_augmentation_included():
    def kernel(seed):
        model, _ = fitted(perceptron(dropout=0.3), augment="photos", seed=seed)
        return model.get_layer("dense_1").kernel.numpy()

    first = kernel(3)
    np.testing.assert_array_equal(first, kernel(3))
    assert not np.array_equal(first, kernel(4))


def test_frozen_layers_stay_as_they_are():
    model = CNN(3, "small")
    model.build((None, 16, 16, 3))
    for layer in model.convolutions:
        layer.trainable = False
    before = [layer.get_weights()[0] for layer in model.convolutions]
    fitted(model)
    for kernel, layer in zip(before, model.convolutions, strict=True):
        np.testing.assert_array_equal(kernel, layer.kernel)


def test_grey_images_give_the_net_one_channel_and_other_sizes_are_resized():
    gray = (TRAIN[0][..., 0], TRAIN[1])
    model, _ = fitted(train=gray, val=(VAL[0][:, ::2, ::2, 0], VAL[1]), epochs=1)
    assert model.input_shape == (None, 16, 16, 1)


def test_a_dataset_of_batches_is_taken():
    batches = tf.data.Dataset.from_tensor_slices(TRAIN).batch(7)
    _, history = fitted(train=batches, val=None, epochs=1)
    assert history.epoch == [0] and history.best_epoch == 0


def test_no_epochs_leave_the_weights_and_compile_the_model():
    model, history = fitted(epochs=0)
    assert history.epoch == [] and history.best_epoch is None
    assert model.compiled


@pytest.mark.parametrize(("optimizer", "epochs"), [("sgd", 2), ("adam", 1)])
def test_weights_that_one_batch_an_epoch_spoiled_are_not_kept(optimizer, epochs):
    model = perceptron()
    model.build((None, 16, 16, 3))
    before = model.get_weights()
    how = {"lr": 1e30, "schedule": "constant", "val": None, "batch_size": len(TRAIN[0])}
    with pytest.raises(DivergedError, match="finite loss; received (nan|inf)"):
        fitted(model, optimizer=optimizer, epochs=epochs, **how)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_weights_from_before_a_nan_in_the_middle_are_kept():
    class Spoil(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.optimizer.learning_rate = 0.01 if epoch < 2 else math.nan

        def on_epoch_end(self, epoch, logs=None):
            kept.append(self.model.get_weights())

    kept, model = [], perceptron()
    with pytest.raises(DivergedError, match="received nan"):
        fitted(model, val=None, epochs=4, schedule="constant", callbacks=[Spoil()])
    assert len(kept) == 2, "with several batches an epoch the third ends in NaN"
    # Its batches were one call, so none of its losses is known: the epoch before is the last good.
    for one, other in zip(kept[0], model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_nan_loss_stops_and_leaves_finite_weights():
    model = perceptron()
    with pytest.raises(DivergedError, match="finite loss; received (nan|inf)"):
        fitted(model, optimizer="sgd", lr=1e30, schedule="constant")
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"optimizer": "adma"}, "optimizer to be one of adam, .*received optimizer='adma'"),
        ({"lr": 0}, "lr to be a number > 0; received lr=0"),
        ({"epochs": -1}, "epochs to be an integer >= 0; received epochs=-1"),
        ({"batch_size": 0}, "batch_size to be an integer >= 1"),
        ({"augment": "photo"}, "augment to be one of photos"),
        ({"train": (TRAIN[0], TRAIN[1] + 1)}, "labels below 3, .*received 3 in the train set"),
        ({"val": (VAL[0], VAL[1] + 1)}, "labels below 3, .*received 3 in the val set"),
        ({"train": ImageDataset.from_arrays(TRAIN[0])}, "labelled images; received array"),
        ({"train": ImageDataset(("a.png",), np.array([0]))}, "built model for images in files"),
        ({"model": RNN(3, return_sequences=True)}, "one output vector per image"),
    ],
)
def test_what_cannot_be_trained_is_refused(settings, message):
    with pytest.raises(InputError, match=message):
        fitted(**settings)


def test_labels_that_name_other_classes_in_validation_are_refused():
    train, val = (
        ImageDataset.from_arrays(*TRAIN, class_names=names) for names in (("a", "b", "c"), "bac")
    )
    with pytest.raises(InputError, match="received label 0 for 'b', which is 'a' in training"):
        fitted(train=train, val=val)
