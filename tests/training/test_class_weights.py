"""Balanced weights train as if images of rare classes came more often."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training.small_models import coloured_images, small_backbone
from tl_keras import ImageDataset, InputError, build_classifier, fine_tune, lr_find
from tl_keras.settings.fine_tune import FineTuneSettings
from tl_keras.training.class_weights import equal_images, image_weights, weigh_batches
from tl_keras.training.fine_tuning.from_linear import choose
from tl_keras.training.fine_tuning.source_task import SourceTask
from tl_keras.training.temperature import fit_temperature, tempered_losses

COUNTS = (20, 5, 5)
CLASSES, REPEATS = len(COUNTS), np.array([1, 4, 4])
SOURCE = coloured_images(30, seed=2)


def unequal(seed=0):
    """Images (30, 16, 16, 3) and labels with `COUNTS` of each class."""
    images, labels = coloured_images(60, seed)
    rows = np.concatenate([np.flatnonzero(labels == c)[:n] for c, n in enumerate(COUNTS)])
    return images[rows], labels[rows]


def repeated(images, labels):
    times = REPEATS[labels]
    return np.repeat(images, times, axis=0), np.repeat(labels, times)


def classifier(**head):
    keras.utils.set_random_seed(0)
    return build_classifier(small_backbone(dropout=0.0), CLASSES, dropout=0.0, **head)


def test_weights_have_mean_one_and_the_same_sum_in_each_class():
    labels = unequal()[1]
    weights = image_weights(labels, "balanced")
    sums = np.bincount(labels, weights)
    np.testing.assert_allclose(sums, 10)
    assert weights.mean() == pytest.approx(1) and image_weights(labels, "none") is None
    assert equal_images(labels) == pytest.approx(30**2 / (20 * 0.5**2 + 10 * 2**2))
    assert equal_images(np.arange(6) % 3) == pytest.approx(6)


def test_the_loss_of_a_mixed_image_is_the_mean_by_share_and_weight_of_its_images():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(CLASSES), 8).astype(np.float32)
    share = rng.random(8)
    first, second = rng.integers(0, CLASSES, (2, 8))
    eye = np.eye(CLASSES)
    mixed = share[:, None] * eye[first] + (1 - share)[:, None] * eye[second]
    batches = tf.data.Dataset.from_tensors((probabilities, mixed.astype(np.float32)))
    [(_, targets, weights)] = weigh_batches(batches, unequal()[1], CLASSES)
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=0.1)
    ours = float(loss(targets, probabilities, weights))

    def alone(row, label):
        smooth = 0.9 * eye[label] + 0.1 / CLASSES
        return -(smooth * np.log(probabilities[row])).sum() * 30 / (CLASSES * COUNTS[label])

    parts = [s * alone(i, first[i]) + (1 - s) * alone(i, second[i]) for i, s in enumerate(share)]
    assert ours == pytest.approx(np.mean(parts), rel=1e-5)


@pytest.mark.parametrize(
    "objective",
    [
        {"cache": "none"},
        {"objective": "l2-sp"},
        {"objective": "joint", "source": SOURCE, "label_smoothing": 0.0},
    ],
    ids=["plain", "l2-sp", "joint"],
)
def test_a_step_on_all_images_is_that_on_repeated_images_of_rare_classes(objective):
    step = {"freeze_epochs": 0, "epochs": 2, "optimizer": "sgd", "lr": 0.1, "weight_decay": 0.0}
    step |= {"augment": "none", "unfreeze": "from:high_conv", "label_smoothing": 0.1}
    step |= {"schedule": "constant", "linear_start": False} | objective
    weights = []
    for data, how in ((unequal(), {"class_weights": "balanced"}), (repeated(*unequal()), {})):
        model = classifier(head="gap", hidden_units=8)
        fine_tune(model, data, batch_size=len(data[1]), **step, **how)
        weights.append(model.get_weights())
    for one, other in zip(*weights, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-6)


def test_the_kept_epoch_and_the_loss_of_validation_are_those_of_classes_of_one_size():
    model, val = classifier(), unequal(seed=1)
    history = fine_tune(
        model,
        unequal(),
        val,
        class_weights="balanced",
        freeze_epochs=1,
        epochs=0,
        label_smoothing=0.0,
        augment="none",
    )
    probabilities = model.predict(val[0].astype("float32"), verbose=0)
    right = probabilities.argmax(axis=1) == val[1]
    losses = -np.log(probabilities[np.arange(30), val[1]])
    of_class = [val[1] == label for label in range(CLASSES)]
    last = {name: values[-1] for name, values in history.history.items()}
    assert last["val_accuracy"] == pytest.approx(right.mean())
    recall = np.mean([right[rows].mean() for rows in of_class])
    assert last["val_weighted_accuracy"] == pytest.approx(recall)
    macro = np.mean([losses[rows].mean() for rows in of_class])
    assert last["val_loss"] == pytest.approx(macro, rel=1e-4)


def test_points_on_the_line_are_chosen_by_the_loss_over_classes_of_one_size():
    model, val = classifier(head="linear"), unequal(seed=1)
    how = {"unfreeze": "from:high_conv", "epochs": 1, "augment": "none"}
    history = fine_tune(model, unequal(), val, class_weights="balanced", **how)
    model.set_weights(history.from_linear.weights)
    probabilities = model.predict(val[0].astype("float32"), verbose=0)[None]
    weights = image_weights(val[1], "balanced")
    losses = tempered_losses(probabilities, val[1], fit_temperature(probabilities, val[1], weights))
    macro = np.mean([losses[val[1] == label].mean() for label in range(CLASSES)])
    assert history.from_linear.points[0].loss == pytest.approx(macro, rel=1e-3)
    assert macro != pytest.approx(losses.mean(), rel=1e-2)


def test_a_weighted_choice_is_that_on_repeated_images():
    rng = np.random.default_rng(0)
    losses, labels = rng.random((4, 30)), unequal()[1]
    weights, many = image_weights(labels, "balanced"), np.repeat(losses, REPEATS[labels], axis=1)
    best = int(many.mean(axis=1).argmin())
    difference = losses - losses[best]
    means = (difference * weights).mean(axis=1, keepdims=True)
    slow = np.sqrt((weights**2 * (difference - means) ** 2).sum(axis=1)) / 30
    for usual in range(4):
        chosen, errors = choose(losses, usual, weights)
        np.testing.assert_allclose(errors, slow)
        clearly = many[usual].mean() - many[best].mean() > slow[usual]
        assert chosen == (best if clearly else usual)
    plain, errors = losses.mean(axis=1).argmin(), choose(losses, 0)[1]
    np.testing.assert_allclose(
        errors, (losses - losses[plain]).std(axis=1) / np.sqrt(30), atol=1e-12
    )


def test_a_weighted_temperature_is_the_best_on_a_grid():
    rng = np.random.default_rng(0)
    labels = unequal()[1]
    probabilities = rng.dirichlet(np.ones(CLASSES), (1, 30))
    weights = image_weights(labels, "balanced")
    grid = np.exp(np.linspace(-2, 2, 2001))
    loss = [
        (tempered_losses(probabilities, labels, t) * weights).sum() + np.log(t) ** 2 / (2 * 0.5**2)
        for t in grid
    ]
    found = fit_temperature(probabilities, labels, weights)
    assert found == pytest.approx(grid[np.argmin(loss)], rel=5e-3)
    assert found != pytest.approx(fit_temperature(probabilities, labels), rel=1e-2)


def test_the_range_test_sees_the_weighted_loss():
    model, (images, labels) = classifier(), unequal()
    how = {"batch_size": 30, "augment": "none", "label_smoothing": 0.0, "unfreeze": "none"}
    losses = -np.log(
        model.predict(images.astype("float32"), verbose=0)[np.arange(len(labels)), labels]
    )
    macro = np.mean([losses[labels == label].mean() for label in range(CLASSES)])
    found = lr_find(model, (images, labels), steps=10, class_weights="balanced", **how)
    assert found.losses[0] == pytest.approx(macro, rel=1e-4)


def test_a_class_that_is_rare_or_missing_is_named_before_training(capsys):
    images, labels = unequal()
    kept = np.r_[0:20, 20, 25:30]  # a single image of class 1
    val = images[labels != 2], labels[labels != 2]
    fine_tune(
        classifier(head="linear"), (images[kept], labels[kept]), val, preset="fast", augment="none"
    )
    lines = [line for line in capsys.readouterr().err.splitlines() if "RARE CLASS" in line]
    assert lines == [
        "RARE CLASS: a single training image of 1. A cross-validation never holds it out.",
        "RARE CLASS: no validation image of 2. Nothing measures it.",
    ]


def test_a_class_that_a_large_source_loses_is_named(capsys):
    images, labels = coloured_images(60)[0], np.arange(60) % 2
    labels[30] = 2
    data = ImageDataset.from_arrays(images, labels)
    settings = FineTuneSettings(objective="joint", epochs=1).filled()
    part = SourceTask(classifier(), data, None, settings, batch_size=4, steps=1).whole.train
    assert set(part.labels) == {0, 1}
    line = "RARE CLASS: no source image of 2. It cannot be learned."
    assert line in capsys.readouterr().err


def test_other_class_weights_are_refused():
    with pytest.raises(InputError, match="class_weights to be one of balanced, none"):
        fine_tune(classifier(), unequal(), class_weights="equal")
