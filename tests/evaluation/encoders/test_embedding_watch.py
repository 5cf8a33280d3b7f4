"""Logs of the watch, and its detection of a collapsing network."""

import keras
import numpy as np
import pytest

from tests.models.images import blobs
from tl_keras.checks import InputError
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.unlabelled import join_unlabelled
from tl_keras.evaluation.encoders.embedding_watch import EmbeddingWatch, feature_spread
from tl_keras.evaluation.encoders.leave_one_out import knn_left_out, ridge_left_out
from tl_keras.evaluation.encoders.probes import extract_features
from tl_keras.models.latent.autoencoder import Autoencoder
from tl_keras.training.whole.without_labels import fit_without_labels

IMAGES = blobs(48)
LABELS = (IMAGES[:, :4].sum((1, 2)) > IMAGES[:, 4:].sum((1, 2))).astype(int)


def autoencoder():
    keras.utils.set_random_seed(0)
    return Autoencoder((8, 8), 4, hidden_units=(16,))


def fit(watch, epochs=3, **settings):
    model = autoencoder()
    settings = {"epochs": epochs, "batch_size": 16, "verbose": 0} | settings
    return model, fit_without_labels(model, IMAGES, callbacks=[watch], **settings).history


def test_spread_is_0_for_one_direction_and_1_for_all():
    rng = np.random.default_rng(0)
    lengths = rng.uniform(1, 9, (50, 1))
    assert feature_spread(lengths * [[1.0, 2.0, -1.0]]) == pytest.approx(0, abs=1e-6)
    assert feature_spread(rng.normal(size=(20_000, 6))) == pytest.approx(1, abs=0.01)
    unit = rng.normal(size=(9, 4))
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    expected = 2 * np.mean([unit[:, i].std() for i in range(4)])
    assert feature_spread(unit * lengths[:9]) == pytest.approx(expected, rel=1e-5)


def test_each_epoch_has_the_figures_of_the_encoder_as_it_is():
    model, history = fit(EmbeddingWatch((IMAGES, LABELS)))
    names = ("feature_spread", "knn_accuracy", "linear_accuracy")
    assert all(len(history[name]) == 3 for name in (*names, "loss"))
    features = extract_features(model, IMAGES)
    last = [history[name][-1] for name in names]
    expected = [
        feature_spread(features),
        knn_left_out(features, LABELS),
        ridge_left_out(features, LABELS),
    ]
    np.testing.assert_allclose(last, expected, rtol=1e-6)
    assert history["feature_spread"][0] != history["feature_spread"][2]


def test_training_is_the_same_with_the_watch_as_without():
    watched, _ = fit(EmbeddingWatch((IMAGES, LABELS)))
    alone, _ = fit(keras.callbacks.Callback())
    for a, b in zip(watched.get_weights(), alone.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_epochs_left_out_repeat_the_figure_and_the_last_is_measured():
    _, history = fit(EmbeddingWatch(IMAGES, every=3), epochs=6)
    spread = history["feature_spread"]
    assert spread[0] == spread[1] == spread[2] != spread[3] == spread[4] != spread[5]


def test_only_labelled_images_are_judged_and_one_class_is_not():
    labelled = ImageDataset.from_arrays(IMAGES[:20], LABELS[:20])
    both = join_unlabelled(labelled, ImageDataset.from_arrays(IMAGES[20:]), (8, 8))
    model, history = fit(EmbeddingWatch(both), epochs=1)
    features = extract_features(model, IMAGES)
    assert history["knn_accuracy"] == [knn_left_out(features[:20], LABELS[:20])]
    assert history["feature_spread"] == [pytest.approx(feature_spread(features), rel=1e-6)]
    _, history = fit(EmbeddingWatch((IMAGES, LABELS * 0)), epochs=1)
    assert sorted(history) == ["feature_spread", "loss"]


def test_a_network_that_collapses_loses_its_spread():
    class Collapsing(keras.callbacks.Callback):
        """Draws all weights but the offsets to nothing."""

        def on_epoch_begin(self, epoch, logs=None):
            for weight in self.model.trainable_variables:
                weight.assign(weight * 0 if weight.ndim > 1 else weight + 1)

    model = autoencoder()
    callbacks = [Collapsing(), EmbeddingWatch(IMAGES)]
    history = fit_without_labels(
        model, IMAGES, epochs=2, lr=1e-9, batch_size=16, callbacks=callbacks, verbose=0
    ).history
    assert max(history["feature_spread"]) < 1e-3
    _, sound = fit(EmbeddingWatch(IMAGES), epochs=2)
    assert min(sound["feature_spread"]) > 0.1


def test_a_part_is_looked_at_and_wrong_input_is_refused():
    assert len(EmbeddingWatch(IMAGES, most=10).images) == 10
    with pytest.raises(InputError, match="two images or more"):
        EmbeddingWatch(IMAGES[:1])
    with pytest.raises(InputError, match="every.*>= 1"):
        EmbeddingWatch(IMAGES, every=0)
    watch = EmbeddingWatch(IMAGES)
    watch.set_model(keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()]))
    with pytest.raises(InputError, match="a model with an encoder.*received Sequential"):
        watch.on_train_begin()
