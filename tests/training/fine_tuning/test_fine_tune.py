"""Fine-tuning in phases: the cache changes nothing, what hurts is undone."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training.small_models import coloured_images, small_classifier
from tl_keras import InputError, fine_tune
from tl_keras.models.backbones.backbone import get_backbone
from tl_keras.training.best_weights import DivergedError
from tl_keras.training.fine_tuning.objectives import L2SP
from tl_keras.training.fine_tuning.trainable_part import AboveFrozen

TRAIN, VAL = coloured_images(30), coloured_images(15, seed=1)
QUICK = {"freeze_epochs": 2, "epochs": 2, "batch_size": 8, "lr": 0.01, "augment": "none"}


def tuned(train=TRAIN, val=VAL, model=None, **settings):
    model = model or small_classifier()
    return model, fine_tune(model, train, val, **(QUICK | settings))


@pytest.fixture(scope="module")
def two_phases():
    """History of both phases, and the callbacks that were made for them."""
    made = []

    def make_callbacks():
        made.append(keras.callbacks.LambdaCallback())
        return [made[-1]]

    settings = {"freeze_epochs": 2, "epochs": 3, "patience": None, "unfreeze": "all"}
    return tuned(make_callbacks=make_callbacks, **settings)[1], made


@pytest.mark.parametrize(
    ("unfreeze", "cache", "mixup"),
    [
        ("from:high_conv", "memory", 1.0),
        pytest.param("last:2", "disk", 0.0, marks=pytest.mark.slow),
        pytest.param("all", "memory", 1.0, marks=pytest.mark.slow),
        pytest.param("all", "memory", 0.0, marks=pytest.mark.slow),
        pytest.param("from:high_conv", "memory", 0.0, marks=pytest.mark.slow),
        pytest.param("last:2", "disk", 1.0, marks=pytest.mark.slow),
    ],
)
def test_cached_and_uncached_runs_end_with_equal_weights(unfreeze, cache, mixup):
    cached, _ = tuned(unfreeze=unfreeze, cache=cache, mixup=mixup)
    plain, _ = tuned(unfreeze=unfreeze, cache="none", mixup=mixup)
    for one, other in zip(cached.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_the_cached_run_equals_plain_keras_with_the_same_layers_frozen():
    model, _ = tuned(
        val=None,
        unfreeze="none",
        schedule="constant",
        weight_decay=0.0,
        label_smoothing=0.0,
        mixup=0.0,
        batch_size=30,
        model=small_classifier(dropout=0.0),
    )
    plain = small_classifier(dropout=0.0)
    for layer in get_backbone(plain).layers:
        layer.trainable = False
    features = keras.Model(get_backbone(plain).input, get_backbone(plain).output)
    head = keras.Sequential(list(plain.layers[2:]))
    head.build((None, 8, 8, 6))
    head.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    fixed = features(TRAIN[0].astype("float32"), training=False)
    head.fit(fixed, TRAIN[1], batch_size=30, epochs=2, shuffle=False, verbose=0)
    for one, other in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("objective", ["plain", "l2-sp"])
def test_mixing_above_a_frozen_part_is_in_full_precision(half_precision, objective):
    image = keras.Input((2, 2, 3))
    prefix = keras.Model(image, [keras.layers.Rescaling(1 / 256)(image)])
    features = keras.Input((2, 2, 3))
    suffix = keras.Model(features, keras.layers.GlobalAveragePooling2D()(features))
    model = AboveFrozen(prefix, suffix)
    if objective == "l2-sp":
        model = L2SP(model, [])
    images = np.full((2, 2, 2, 3), 256.0, "float32")
    images[1] = 0
    share = np.float32(2 / 3)
    mixing = np.zeros((2, 5), "float32")
    mixing[:, 0], mixing[:, 3:] = share, [[share, 1], [0, 0]]  # the first is cut, the other blended
    mixed = model({"inputs": images, "mixing": mixing}, training=True)
    assert mixed.dtype == "float16"
    np.testing.assert_allclose(mixed, [[0.5] * 3, [1 / 3] * 3], atol=1e-3)


def test_the_norm_of_the_gradient_is_limited_as_asked():
    head_alone = {"optimizer": "sgd", "weight_decay": 0.0, "unfreeze": "none", "epochs": 0}
    moved = {}
    for clip_norm in (1e-9, None):
        model = small_classifier()
        start = model.get_weights()
        tuned(val=None, model=model, clip_norm=clip_norm, **head_alone)
        pairs = zip(model.get_weights(), start, strict=True)
        moved[clip_norm] = max(np.abs(after - before).max() for after, before in pairs)
    assert moved[1e-9] < 1e-7 < 1e-4 < moved[None]


def test_half_precision_cache_is_close_but_takes_half_the_room():
    exact, _ = tuned(val=None, cache_dtype="float32", unfreeze="none")
    rough, _ = tuned(val=None, cache_dtype="float16", unfreeze="none")
    difference = max(
        np.abs(a - b).max() for a, b in zip(exact.get_weights(), rough.get_weights(), strict=True)
    )
    assert 0 < difference < 0.05


@pytest.mark.parametrize("views", [pytest.param(None, marks=pytest.mark.slow), 3])
def test_the_head_may_train_longer_than_the_rest_on_augmented_features(views):
    _, history = tuned(
        val=None,
        freeze_epochs=4,
        epochs=2,
        augment="photos",
        views=views,
        unfreeze="from:high_conv",
    )
    assert len(history.epoch) == 6


def test_history_joins_both_phases_and_marks_the_boundary(two_phases):
    history, _ = two_phases
    assert history.epoch == [0, 1, 2, 3, 4]
    assert [len(values) for values in history.history.values()] == [5] * 4
    assert [(p["name"], p["start"], p["end"]) for p in history.phases] == [
        ("head", 0, 2),
        ("fine_tune", 2, 5),
    ]
    assert history.phases[0]["trainable_weights"] < history.phases[1]["trainable_weights"]
    assert set(history.seconds) == {"cache", "head", "fine_tune", "total"}


def test_a_phase_that_makes_validation_worse_is_undone():
    swapped = (TRAIN[0], (TRAIN[1] + 1) % 3)
    model, _ = tuned(unfreeze="none", freeze_epochs=10, label_smoothing=0.0)
    before = model.get_weights()
    assert model.evaluate(*VAL, verbose=0, return_dict=True)["accuracy"] == 1.0
    _, history = tuned(train=swapped, model=model, freeze_epochs=0, epochs=3, unfreeze="all")
    assert history.best_epoch is None
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_kept_epoch_is_what_the_model_holds():
    model, history = tuned(freeze_epochs=6, unfreeze="none", lr=0.3, schedule="constant")
    accuracies = np.array(history.history["val_accuracy"])
    assert history.best_epoch is not None
    kept = model.evaluate(*VAL, verbose=0, return_dict=True)["accuracy"]
    assert kept == pytest.approx(accuracies[history.best_epoch])
    best = accuracies[: history.best_epoch + 1].max()
    assert kept >= best - np.sqrt(best * (1 - best) / len(VAL[0])) - 1e-6


def test_early_stopping_ends_a_phase_and_the_next_starts_afresh():
    _, history = tuned(
        freeze_epochs=30, epochs=3, lr=0.5, schedule="constant", patience=1, unfreeze="all"
    )
    head, fine = history.phases
    assert head["end"] < 30
    assert fine["end"] > fine["start"]


def test_batch_norm_statistics_move_only_when_asked():
    def statistics(batch_norm):
        how = {"val": None, "unfreeze": "all", "freeze_epochs": 0, "epochs": 1}
        model, _ = tuned(batch_norm=batch_norm, **how)
        return get_backbone(model).get_layer("high_bn").moving_mean.numpy()

    np.testing.assert_array_equal(statistics("frozen"), np.zeros(6))
    assert np.abs(statistics("train")).max() > 0


def test_callbacks_are_made_anew_for_each_phase(two_phases):
    _, made = two_phases
    assert len(made) == 2
    assert made[0] is not made[1]


def test_the_same_seed_gives_the_same_weights_augmentation_included():
    def kernel(seed):
        how = {"val": None, "unfreeze": "none", "freeze_epochs": 1}
        model, _ = tuned(augment="photos", seed=seed, **how)
        return model.get_layer("predictions").kernel.numpy()

    first = kernel(3)
    np.testing.assert_array_equal(first, kernel(3))
    assert not np.array_equal(first, kernel(4))


@pytest.mark.parametrize(
    "form",
    [
        "tf.data",  # arrays are what the other tests train on
        pytest.param("arrays", marks=pytest.mark.slow),
        pytest.param("logits", marks=pytest.mark.slow),
    ],
)
def test_every_form_of_input_learns_and_the_model_can_be_fitted_on(form):
    train, val, model = TRAIN, VAL, None
    if form == "tf.data":
        train, val = (tf.data.Dataset.from_tensor_slices(d).batch(7) for d in (TRAIN, VAL))
    if form == "logits":
        model = small_classifier(classifier_activation=None)
    model, _ = tuned(train, val, model, freeze_epochs=15, unfreeze="none")
    assert model.evaluate(*VAL, verbose=0, return_dict=True)["accuracy"] > 0.9
    model.fit(*TRAIN, verbose=0)


def test_nan_loss_stops_and_leaves_finite_weights():
    model = small_classifier()
    with pytest.raises(DivergedError, match="finite loss; received (nan|inf) at batch"):
        tuned(model=model, optimizer="sgd", lr=1e30, unfreeze="all", freeze_epochs=0)
    assert all(np.isfinite(w).all() for w in model.get_weights())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"optimizer": "adma"}, "optimizer to be one of adam, .*received optimizer='adma'"),
        ({"lr": 0}, "lr to be a number > 0; received lr=0"),
        ({"lr": float("nan")}, "received lr=nan"),
        ({"epochs": -1}, "epochs to be an integer >= 0; received epochs=-1"),
        ({"mixup": -1}, "mixup to be a number >= 0"),
        ({"cutmix": 1.5}, "cutmix to be a number >= 0 and <= 1"),
        ({"cache": "ram"}, "cache to be one of"),
        ({"views": 0}, "views to be an integer >= 1"),
        ({"augment": "photo"}, "augment to be one of photos"),
    ],
)
def test_wrong_settings_are_refused_before_training(settings, message):
    with pytest.raises(InputError, match=message):
        tuned(**settings)


def test_labels_beyond_the_models_classes_are_refused():
    with pytest.raises(InputError, match="labels below 3, the classes of the model; received 3"):
        tuned(train=(TRAIN[0], TRAIN[1] + 1))


def test_unlabelled_images_are_refused():
    from tl_keras import ImageDataset

    with pytest.raises(InputError, match="labelled images; received array without labels"):
        tuned(train=ImageDataset.from_arrays(TRAIN[0]))
