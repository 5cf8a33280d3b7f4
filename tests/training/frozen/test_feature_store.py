"""Features shared between trainings: computed once, and the results stay the same."""

import gc

import numpy as np
import pytest

from tests.training.small_models import coloured_images, small_classifier
from tl_keras import ImageDataset, fine_tune
from tl_keras.evaluation.classifiers.feature_prediction import predict_above_frozen
from tl_keras.evaluation.classifiers.prediction import predict_probabilities
from tl_keras.models.cutting import cut_at_frozen
from tl_keras.settings.fine_tune import FineTuneSettings
from tl_keras.training.frozen import cache_room, feature_store
from tl_keras.training.frozen.feature_cache import Images
from tl_keras.training.frozen.feature_store import FeatureStore, graph_digest
from tl_keras.training.frozen.freezing import freeze, unfreeze

QUICK = {"freeze_epochs": 1, "epochs": 1, "batch_size": 8, "lr": 0.01, "views": 2}
HALF = {"unfreeze": "from:high_conv", "augment": "flip"}


def data(size, seed=0):
    return ImageDataset.from_arrays(*coloured_images(size, seed))


@pytest.fixture
def computed(monkeypatch):
    """The number of images in each run of a frozen part on images."""
    sizes = []
    compute = feature_store.compute_features

    def counted(prefix, source, **how):
        if isinstance(source, Images):
            sizes.append(len(source.labels))
        return compute(prefix, source, **how)

    monkeypatch.setattr(feature_store, "compute_features", counted)
    return sizes


@pytest.mark.parametrize(
    "settings",
    [
        HALF,
        pytest.param(HALF | {"objective": "l2-sp"}, marks=pytest.mark.slow),
        pytest.param({"unfreeze": "none"}, marks=pytest.mark.slow),
    ],
)
def test_training_with_a_store_gives_the_same_weights_and_computes_once(settings, computed):
    train, val, store = data(24), data(9, 1), FeatureStore()
    results = []
    for features in (None, store, store):
        model = small_classifier()
        fine_tune(model, train, val, features=features, **QUICK, **settings)
        results.append(model.get_weights())
    for plain, first, second in zip(*results, strict=True):
        np.testing.assert_array_equal(plain, first)
        np.testing.assert_array_equal(plain, second)
    assert computed == [24, 9]
    assert store.spared_seconds > 0


def test_prediction_from_the_store_equals_that_of_the_whole_model(computed):
    test, store = data(21, 2), FeatureStore()
    for seed in (0, 1):
        model = small_classifier()
        how = QUICK | HALF | {"freeze_epochs": 0}
        fine_tune(model, data(24), None, seed=seed, features=store, **how)
        whole = predict_probabilities(model, test.pipeline(8, image_size=(16, 16)))
        np.testing.assert_allclose(predict_above_frozen(model, test, store), whole, atol=1e-6)
    assert computed.count(21) == 1


def test_prediction_of_a_model_with_nothing_frozen_is_that_of_the_whole():
    model, test = small_classifier(), data(6)
    whole = predict_probabilities(model, test.pipeline(6, image_size=(16, 16)))
    np.testing.assert_array_equal(predict_above_frozen(model, test, FeatureStore()), whole)


def test_another_start_seed_or_cut_is_computed_anew(computed):
    train, store = data(24), FeatureStore()
    for seed, unfrozen, of_augmentation in [(0, 2, 0), (0, 2, 1), (5, 2, 0), (0, 7, 0)]:
        model = unfreeze(small_classifier(seed), last=unfrozen)
        images = Images(train, (16, 16), "flip", of_augmentation)
        store.compute(cut_at_frozen(model).prefix, images)
    assert computed == [24] * 4


def test_digest_is_that_of_the_graph_and_its_weights_not_of_names():
    prefixes = [cut_at_frozen(freeze(small_classifier(seed))).prefix for seed in (0, 0, 1)]
    assert prefixes[0].layers[0].name != prefixes[1].layers[0].name
    same, again, other = map(graph_digest, prefixes)
    assert same == again != other


def test_features_go_with_their_images():
    train, store = data(24), FeatureStore()
    store.compute(cut_at_frozen(freeze(small_classifier())).prefix, Images(train, (16, 16)))
    assert len(store._of_dataset) == 1
    del train
    gc.collect()
    assert len(store._of_dataset) == 0


def test_room_that_kept_features_take_changes_no_later_training(monkeypatch):
    left = [{"memory": 1000, "disk": 0}]
    monkeypatch.setattr(cache_room, "room_left", lambda: left[-1])
    settings, store = FineTuneSettings(refit=False), FeatureStore()
    first = store.choose([(2,)], 10, 0, 8, settings)
    left.append({"memory": 300, "disk": 0})  # what was kept lies in it
    assert store.choose([(2,)], 10, 0, 8, settings) == first
    assert FeatureStore().choose([(2,)], 10, 0, 8, settings) != first
