"""Every method trains what its name says, on equal terms."""

import math

import numpy as np
import pytest

from tests.training.small_models import coloured_images, small_backbone
from tl_keras import CNN, MLP, RNN, ImageDataset
from tl_keras.jobs.compare import runner as compare_runner
from tl_keras.jobs.compare.methods import (
    BASELINE_RATES,
    FROZEN_RATES,
    baseline_size,
    parse_method,
)
from tl_keras.jobs.compare.runner import MethodRunner
from tl_keras.models.backbones.backbone import build_backbone, get_backbone
from tl_keras.settings.compare import CompareSettings
from tl_keras.training.frozen.feature_store import FeatureStore

TRAIN = ImageDataset.from_arrays(*coloured_images(12), split="train")
VAL = ImageDataset.from_arrays(*coloured_images(9, 1), split="val")


def runner(encoder, methods=("frozen",), source=None, **settings):
    named = {"backbone": str(encoder), "epochs": 2} | settings
    config = CompareSettings("colours", methods, (4,), source_data=source and "source", **named)
    config = config.filled()
    return MethodRunner(config, TRAIN, source, FeatureStore())


def trained(encoder, name, **settings):
    of = runner(encoder, (name,), **settings)
    return of.train(parse_method(name, of.config.backbone), TRAIN, VAL, seed=0)


def moved(model, encoder):
    """Names of the backbone's layers whose weights are no longer those of the encoder."""
    pairs = zip(get_backbone(model).layers, build_backbone(encoder).layers, strict=True)
    return {
        ours.name
        for ours, its in pairs
        if any((a != b).any() for a, b in zip(ours.get_weights(), its.get_weights(), strict=True))
    }


def test_baselines_are_those_of_the_package_in_the_pictures_own_size(encoder):
    of = runner(encoder)
    for name, kind in {"mlp": MLP, "cnn": CNN, "cnn:lenet": CNN, "rnn:gru": RNN}.items():
        model = of.build(parse_method(f"scratch:{name}", None), seed=0)
        assert isinstance(model, kind)
        assert model.input_shape == (None, 16, 16, 3)
        assert model.output_shape == (None, 3)


def test_baseline_size_is_the_pictures_own_up_to_a_limit_or_what_is_asked(encoder):
    large = ImageDataset.from_arrays(np.zeros((2, 100, 80), np.uint8), [0, 1])
    assert baseline_size(runner(encoder).config, TRAIN) == 16
    assert baseline_size(runner(encoder).config, large) == 64
    assert baseline_size(runner(encoder, baseline_size=24).config, large) == 24


@pytest.mark.usefixtures("one_rate")
def test_frozen_moves_nothing_of_the_backbone_and_fine_tune_its_upper_half(encoder):
    frozen, tuned = (trained(encoder, name) for name in ("frozen", "fine-tune"))
    assert moved(frozen.model, encoder) == set()
    assert "high_conv" in moved(tuned.model, encoder)
    assert "stem" not in moved(tuned.model, encoder)
    assert {p["name"] for p in tuned.history.phases} == {"fine_tune"}
    assert tuned.model.get_layer("head_dropout").rate == 0
    first = tuned.history.from_linear
    assert [point.share for point in first.points[:2]] == [0, 0.25]  # from the linear start
    assert tuned.rate == (first.point.lr or 0)  # at which was trained what was kept


@pytest.mark.usefixtures("one_rate")
def test_l2_sp_trains_the_head_first(encoder):
    tuned = trained(encoder, "l2-sp")
    assert [p["name"] for p in tuned.history.phases] == ["head", "fine_tune"]
    assert tuned.model.get_layer("head_dropout").rate == 0.3


def test_each_seed_has_a_head_of_its_own_on_the_same_backbone(encoder):
    of, method = runner(encoder), parse_method("frozen", str(encoder))
    one, same, other = (of.build(method, seed).get_weights() for seed in (0, 0, 1))
    equal = [np.array_equal(a, b) for a, b in zip(one, other, strict=True)]
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not all(equal)
    assert moved(of.build(method, 1), encoder) == set()


def test_scratch_of_an_encoder_forgets_its_weights(encoder):
    model = runner(encoder).build(parse_method(f"scratch:{encoder}", None), seed=0)
    assert {"stem", "low_conv", "high_conv"} <= moved(model, encoder)


@pytest.mark.parametrize(
    ("name", "rates"),
    [
        ("scratch:mlp", BASELINE_RATES),
        pytest.param("frozen", FROZEN_RATES, marks=pytest.mark.slow),
    ],
)
def test_the_best_of_several_rates_on_validation_is_taken_and_all_are_paid_for(
    name, rates, encoder
):
    best = trained(encoder, name)
    assert best.rate in rates
    assert best.seconds > best.history.seconds["total"]


@pytest.mark.usefixtures("one_rate")
def test_scratch_base_trains_all_of_it(encoder):
    best = trained(encoder, "scratch", epochs=1)
    assert [p["name"] for p in best.history.phases] == ["fine_tune"]
    assert len(best.model.trainable_weights) == best.history.phases[0]["trainable_weights"]


def test_fine_tuning_of_random_weights_is_training_from_scratch(monkeypatch):
    monkeypatch.setattr(compare_runner, "build_backbone", lambda *_, **__: small_backbone())
    best = trained("vgg16", "fine-tune", weights="random", epochs=1)
    assert [p["name"] for p in best.history.phases] == ["fine_tune"]
    assert len(best.model.trainable_weights) == best.history.phases[0]["trainable_weights"]
    norms = [x for x in get_backbone(best.model).layers if x.name.endswith("_bn")]
    assert all(layer.trainable and layer.moving_mean.numpy().any() for layer in norms)


@pytest.mark.usefixtures("one_rate")
@pytest.mark.slow
def test_joint_training_is_on_the_source_too(encoder):
    history = trained(encoder, "joint", source=VAL).history
    assert any("source_loss" in key for key in history.history), list(history.history)


@pytest.mark.usefixtures("one_rate")
@pytest.mark.slow
def test_seconds_end_a_run_after_the_epoch_in_which_they_are_over(encoder):
    short = trained(encoder, "frozen", epochs=None, seconds=1e-3)
    assert len(short.history.epoch) == 1
    assert len(trained(encoder, "frozen", epochs=5, seconds=1000).history.epoch) == 5


@pytest.mark.usefixtures("one_rate")
def test_shared_features_are_charged_to_each_run_once_and_l2_sp_has_its_penalty(encoder):
    of = runner(encoder, ("l2-sp",))
    of.train(parse_method("l2-sp", str(encoder)), TRAIN, VAL, seed=0)
    taken = sum(seconds for kept in of.store._of_dataset.values() for _, seconds in kept.values())
    best = of.train(parse_method("l2-sp", str(encoder)), TRAIN, VAL, seed=0)
    assert taken > 0
    assert math.isclose(best.seconds, best.history.seconds["total"] + taken)
    assert any("penalty" in key for key in best.history.history), list(best.history.history)
