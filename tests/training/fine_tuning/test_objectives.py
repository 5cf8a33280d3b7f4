"""L2-SP and joint training minimise what they say; without weight both are plain fine-tuning."""

import functools

import keras
import numpy as np
import pytest

from tests.training.small_models import coloured_images, small_backbone, small_classifier
from tl_keras import InputError, build_classifier, fine_tune, replace_head
from tl_keras.models.backbones.backbone import get_backbone
from tl_keras.training.fine_tuning.objectives import Joint, with_l2_sp

TRAIN, VAL = coloured_images(30), coloured_images(15, seed=1)
SOURCE = (TRAIN[0], (TRAIN[1] > 0).astype(int))
QUICK = {"freeze_epochs": 1, "epochs": 2, "batch_size": 8, "lr": 0.01, "augment": "none"}
L2_SP = {"objective": "l2-sp", "unfreeze": "all", "optimizer": "sgd", "weight_decay": 0.0}
JOINT = {"objective": "joint", "source": SOURCE, "unfreeze": "from:high_conv"}


def tuned(model=None, val=None, **settings):
    model = model or small_classifier()
    return model, fine_tune(model, TRAIN, val, **(QUICK | settings))


def assert_equal_weights(one, other, atol=0.0):
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=atol)


def distance(model):
    """Of the backbone's weights to where `small_classifier` starts."""
    weights = (get_backbone(m).get_weights() for m in (model, small_classifier()))
    return np.sqrt(sum(np.square(a - b).sum() for a, b in zip(*weights, strict=True)))


NOTHING = [
    {"objective": "l2-sp", "l2_sp_weight": 0.0, "l2_sp_head_weight": 0.0},
    {"objective": "joint", "source": SOURCE, "source_weight": 0.0},
    # So little that no bit changes, by the same way as with more.
    {"objective": "l2-sp", "l2_sp_weight": 1e-35, "l2_sp_head_weight": 1e-35},
    {"objective": "joint", "source": SOURCE, "source_weight": 1e-35},
]


def trained_on_nothing_more(cache, **objective):
    # Dropout in the head only: where the source runs through it too, it draws other numbers.
    keras.utils.set_random_seed(0)
    model = build_classifier(
        small_backbone(dropout=0.0), 3, head="gap", hidden_units=8, dropout=0.2
    )
    return tuned(model, unfreeze="from:high_conv", augment="flip", cache=cache, **objective)[0]


@pytest.fixture(scope="module")
def plainly_trained():
    """A function from `cache` to the model that plain fine-tuning gives."""
    return functools.cache(trained_on_nothing_more)


@pytest.mark.parametrize(
    "objective",
    [NOTHING[0], NOTHING[1], *(pytest.param(each, marks=pytest.mark.slow) for each in NOTHING[2:])],
    ids=["l2-sp-0", "joint-0", "l2-sp", "joint"],
)
@pytest.mark.parametrize("cache", ["memory", pytest.param("none", marks=pytest.mark.slow)])
def test_without_weight_every_objective_is_plain_to_the_last_bit(objective, cache, plainly_trained):
    assert_equal_weights(plainly_trained(cache), trained_on_nothing_more(cache, **objective))


@pytest.mark.parametrize(
    "objective",
    [
        pytest.param(L2_SP | {"unfreeze": "from:high_conv"}, marks=pytest.mark.slow, id="l2-sp"),
        pytest.param(JOINT, marks=pytest.mark.slow, id="joint"),
    ],
)
def test_cached_and_uncached_runs_end_with_equal_weights(objective):
    cached, _ = tuned(**objective, freeze_epochs=0, cache="memory")
    plain, _ = tuned(**objective, freeze_epochs=0, cache="none")
    assert_equal_weights(cached, plain, atol=1e-6)


def test_penalty_equals_a_slow_computation_and_validation_is_without_it():
    model = small_classifier(dropout=0.0)
    backbone = get_backbone(model)
    backbone.trainable = True
    pulled = with_l2_sp(model, backbone, 0.3, 0.05)
    start = [w.numpy() for w in backbone.trainable_weights]
    rng = np.random.default_rng(0)
    for weight in model.trainable_weights:
        weight.assign(weight + rng.normal(size=weight.shape))
    pulled.compile(loss="sparse_categorical_crossentropy")
    x, y = TRAIN[0].astype("float32"), TRAIN[1]
    with_penalty, without = (
        float(pulled.compute_loss(x, y, pulled(x, training=False), training=training))
        for training in (True, False)
    )
    moved = [w.numpy() for w in backbone.trainable_weights]
    head = [w for layer in model.layers[2:] for w in layer.get_weights()]
    expected = 0.15 * sum(np.sum((a - b) ** 2) for a, b in zip(moved, start, strict=True))
    expected += 0.025 * sum(np.sum(w**2) for w in head)
    assert with_penalty - without == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    "weights", [(0.0, 0.1, 10.0), pytest.param((0.0, 0.1, 1.0, 10.0), marks=pytest.mark.slow)]
)
def test_the_stronger_the_pull_the_nearer_the_weights_stay(weights):
    distances = [
        distance(tuned(**L2_SP, freeze_epochs=0, epochs=8, l2_sp_weight=weight)[0])
        for weight in weights
    ]
    assert distances == sorted(distances, reverse=True)
    assert 0 < distances[-1] < 0.5 * distances[0]


def test_the_head_is_pulled_to_zero():
    def size(weight):
        model, _ = tuned(**L2_SP, freeze_epochs=5, epochs=0, l2_sp_head_weight=weight)
        return np.linalg.norm(model.get_layer("head_dense").kernel)

    assert size(5.0) < 0.7 * size(0.0)


def test_without_a_pull_on_the_head_its_phase_has_no_penalty_and_the_table_is_whole():
    _, history = tuned(**L2_SP | {"unfreeze": "from:high_conv"}, l2_sp_head_weight=0.0)
    penalty = history.history["penalty"]
    assert np.isnan(penalty[:1]).all() and np.isfinite(penalty[1:]).all()
    assert {len(values) for values in history.history.values()} == {len(history.epoch)} == {3}


def test_joint_loss_is_the_sum_of_both_losses():
    target = small_classifier(dropout=0.0)
    source = replace_head(target, 2)
    joint = Joint(
        target,
        lambda x, training: source(x, training=False),
        0.4,
        keras.losses.CategoricalCrossentropy(),
    )
    joint.compile(loss="categorical_crossentropy")
    x, y = TRAIN[0].astype("float32"), np.eye(3)[TRAIN[1]]
    batch = {"inputs": x, "source": x[::-1], "source_labels": np.eye(2)[SOURCE[1]][::-1]}
    total = float(joint.compute_loss(batch, y, joint(batch, training=False)))

    def loss(model, images, labels):
        return -np.log(np.asarray(model(images, training=False))[np.arange(30), labels]).mean()

    expected = loss(target, x, TRAIN[1]) + 0.4 * loss(source, x, SOURCE[1])
    assert total == pytest.approx(expected, rel=1e-5)


def test_joint_training_learns_both_tasks_and_gives_the_source_classifier():
    model, history = tuned(
        **JOINT, val=VAL, freeze_epochs=15, epochs=3, label_smoothing=0.0, patience=None
    )
    source = history.source_model
    assert get_backbone(source) is get_backbone(model)
    assert source.evaluate(*SOURCE, verbose=0, return_dict=True)["accuracy"] > 0.9
    assert model.evaluate(*TRAIN, verbose=0, return_dict=True)["accuracy"] > 0.9
    assert len(history.history["source_loss"]) == 18
    assert history.history["source_accuracy"][-1] > history.history["source_accuracy"][0]
    assert not [name for name in history.history if name.startswith("val_source")]


@pytest.mark.slow
def test_joint_training_keeps_a_given_source_classifier_where_plain_forgets():
    SOURCE_SPLITS = (SOURCE, (VAL[0], (VAL[1] > 0).astype(int)))
    keras.utils.set_random_seed(1)
    source = build_classifier(small_backbone(), 2, head="gap", hidden_units=8, dropout=0.0)
    tuned_on = QUICK | {"freeze_epochs": 0, "epochs": 12, "unfreeze": "all"}
    fine_tune(source, *SOURCE_SPLITS, **tuned_on)
    learned = source.get_weights()

    def after(**objective):
        source.set_weights(learned)
        keras.utils.set_random_seed(1)
        model = build_classifier(source, 3, head="gap", hidden_units=8, dropout=0.0)
        if objective:
            objective |= {"source": SOURCE_SPLITS[0], "source_model": source}
        fine_tune(model, (TRAIN[0], TRAIN[1][::-1]), **(tuned_on | objective))
        source.compile(loss="sparse_categorical_crossentropy", run_eagerly=True)
        return source.evaluate(*SOURCE_SPLITS[1], verbose=0)

    assert after(objective="joint", source_weight=1.0) < after()


@pytest.mark.parametrize("size", [3, 500])
@pytest.mark.slow
def test_a_source_may_be_smaller_than_a_batch_or_larger_than_what_is_shown(size):
    images, labels = coloured_images(size)
    how = JOINT | {"source": (images, labels), "freeze_epochs": 0, "augment": "flip"}
    _, history = tuned(**how)
    assert np.isfinite(history.history["source_loss"]).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"objective": "l2sp"}, "objective to be one of l2-sp.*received objective='l2sp'"),
        ({"objective": "joint"}, "labelled source images with objective='joint'; received no"),
        ({"source": SOURCE}, "no source with objective='plain'; received source"),
        ({"source_model": "x"}, "no source_model with objective='plain'; received source_model"),
        ({"objective": "l2-sp", "l2_sp_weight": -1}, "l2_sp_weight to be a number >= 0; rec.* -?"),
        ({"l2_sp_weight": 0.1}, "l2_sp_weight only with objective='l2-sp'; received l2_sp_weight"),
        ({"objective": "l2-sp", "source_weight": 1}, "source_weight only with objective='joint'"),
        (JOINT | {"source_weight": -0.5}, "source_weight to be a number >= 0; received"),
        (JOINT | {"source": TRAIN[0]}, "Expected an ImageDataset, a pair"),
        (JOINT | {"source": (TRAIN[0], None)}, "labelled images; received array without labels"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_training(settings, message):
    with pytest.raises(InputError, match=message):
        tuned(**settings)


def test_a_source_classifier_on_another_backbone_is_refused():
    with pytest.raises(InputError, match=r"share one backbone; received two.*build_classifier\("):
        tuned(**JOINT, source_model=small_classifier())


def test_source_labels_beyond_the_source_classifier_are_refused():
    model = small_classifier()
    with pytest.raises(InputError, match="labels below 2.*received 2 in the source set"):
        tuned(model, **JOINT | {"source": TRAIN}, source_model=replace_head(model, 2))
