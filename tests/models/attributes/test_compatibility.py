"""Compatibility model: loss over seen classes, trained with fit, saved, loaded, trained on."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.check_model import check_model
from tests.models.attributes.described_features import (
    SHAPES,
    UNSEEN,
    features_of,
    seen_features,
    word_vectors,
)
from tests.replicas import check_program
from tl_keras.checks import InputError
from tl_keras.models.attributes import class_folds
from tl_keras.models.attributes.class_folds import Choice
from tl_keras.models.attributes.compatibility import CompatibilityModel
from tl_keras.models.saving.saved_models import load_model
from tl_keras.training.whole import compatibility
from tl_keras.training.whole.compatibility import fit_compatibility

VECTORS = word_vectors(6, 3)


def small_model(**options):
    return CompatibilityModel(VECTORS, 4, unseen=("class 4", 5), **options)


@pytest.fixture
def data():
    x, y = seen_features(VECTORS, [4, 5], dimensions=4)
    return x.astype(np.float32), y.astype(np.int32)


@pytest.mark.parametrize("hidden_units", [(), (5,)])
def test_it_is_a_model_like_any_other(hidden_units, data):
    loaded = check_model(
        lambda: small_model(hidden_units=hidden_units), *data, compile_args={"optimizer": "sgd"}
    )
    assert loaded.hidden_units == hidden_units and loaded.unseen == ("class 4", "class 5")


def test_loss_is_the_cross_entropy_over_seen_classes_and_the_penalty(data):
    x, y = data
    model = small_model(penalty=0.3)
    model.compile()
    scores = model.scores(x)[:, :4]
    logits = scores - scores.max(axis=1, keepdims=True)
    cross_entropy = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(y)), y]
    kernel = model.projection.get_layer("attributes").kernel.numpy()
    expected = cross_entropy.mean() + 0.15 * np.square(kernel).sum()
    found = model.evaluate(x, y, verbose=0, return_dict=True)
    assert found["loss"] == pytest.approx(expected, rel=1e-4)
    assert found["accuracy"] == pytest.approx((scores.argmax(1) == y).mean())


def test_scores_are_bilinear_in_features_and_unit_descriptions(data):
    x, _ = data
    model = small_model()
    kernel = model.projection.get_layer("attributes").kernel.numpy()
    units = VECTORS.values / np.linalg.norm(VECTORS.values, axis=1, keepdims=True)
    np.testing.assert_allclose(model.scores(x), x @ kernel @ units.T, rtol=5e-3, atol=1e-2)


def test_safe_loading_brings_back_predictions_and_calibration(data, tmp_path):
    x, _ = data
    model = small_model()
    model.set_choice(Choice(0.01, 2.0, 0.7, 0.9))
    model.save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.predict(x), model.predict(x), rtol=1e-5)
    assert loaded.choices.among_all[1:3] == pytest.approx((2.0, 0.7))
    head = model.to_keras()
    np.testing.assert_allclose(head.predict(x, verbose=0), model.predict(x), atol=1e-5)
    assert not [layer for layer in head.layers if "tl_keras" in type(layer).__module__]


def test_penalty_scale_and_calibration_are_chosen_over_classes(data, monkeypatch):
    monkeypatch.setattr(compatibility, "_STEPS", 2)
    monkeypatch.setattr(compatibility, "PENALTIES", (0.1, 0.01))
    monkeypatch.setattr(class_folds, "_FOLDS", 1)
    model = fit_compatibility(*data, VECTORS, hidden_units=(5,))
    choice = model.choices.between
    assert choice.strength == pytest.approx(0.1, abs=0.1) and choice.scale > 0
    assert 0 <= choice.accuracy <= 1
    np.testing.assert_array_equal(model._learned, [1, 1, 1, 1, 0, 0])
    assert int(model.optimizer.iterations) == 2  # the last training began anew


def test_fit_recognises_unseen_combinations():
    x, y = seen_features(per_class=5)
    model = CompatibilityModel(SHAPES, 24, unseen=UNSEEN.tolist())
    model.compile(keras.optimizers.Adam(0.03))
    held_out = seen_features(per_class=1, seed=2)
    fitted = model.fit(x, y, epochs=30, batch_size=450, verbose=0, validation_data=held_out)
    assert fitted.history["val_accuracy"][-1] > 0.8
    assert model.evaluate(*features_of(SHAPES, 3, seed=1), generalized=False)["accuracy"] > 0.9


@pytest.mark.slow
def test_unseen_combinations_are_recognised_with_a_chosen_penalty():
    features, labels = seen_features(per_class=3)
    model = fit_compatibility(features, labels, SHAPES)
    test = features_of(SHAPES, 3, seed=1)
    assert model.evaluate(*test, generalized=False)["accuracy"] > 0.95
    assert model.evaluate(*test, generalized=True)["harmonic_mean"] > 0.75
    assert model.choices.between.accuracy > 0.9
    rows = ~np.isin(labels, UNSEEN)
    history = model.fit(features[rows], labels[rows], epochs=1, verbose=0)
    assert np.isfinite(history.history["loss"][0])


def test_training_images_of_an_unseen_class_are_refused(data):
    x, y = data
    model = small_model()
    model.compile()
    with pytest.raises(InputError, match=r"received 1 of unseen ones, such as 'class 5'"):
        model.fit(x, np.where(np.arange(len(y)) == 3, 5, y), verbose=0)
    with pytest.raises(InputError, match="received none. Give fit"):
        model.fit(tf.data.Dataset.from_tensor_slices(x).batch(4), verbose=0)
    with pytest.raises(InputError, match="at least two seen classes"):
        CompatibilityModel(VECTORS, 4, unseen=range(5))
    with pytest.raises(InputError, match="received none of cat"):
        CompatibilityModel(VECTORS, 4, unseen=("cat", "class 1"))


def test_half_precision_gives_scores_in_float32(data):
    model = small_model(dtype="mixed_bfloat16")
    assert model(data[0]).dtype == tf.float32 and keras.config.dtype_policy().name == "float32"


PROGRAM = """
from tests.models.attributes.test_compatibility import VECTORS, small_model
from tests.models.attributes.described_features import seen_features

X, Y = seen_features(VECTORS, [4, 5], dimensions=4)
X, Y = X.astype(np.float32), Y.astype(np.int32)

def trained(strategy):
    with strategy.scope():
        keras.utils.set_random_seed(0)
        model = small_model(hidden_units=(5,), penalty=0.1)
        model.compile(keras.optimizers.SGD(0.05))
    history = model.fit(X, Y, batch_size=10, epochs=2, verbose=0, shuffle=False)
    return model, history.history["loss"]

one, loss = trained(tf.distribute.get_strategy())
two, other = trained(two_replicas())
for a, b in zip(one.weights, two.weights, strict=True):
    np.testing.assert_allclose(a, b, atol=1e-5, err_msg=a.path)
np.testing.assert_allclose(loss, other, rtol=1e-4)
print("equal")
"""


@pytest.mark.slow
def test_one_replica_and_two_end_with_the_same_weights():
    check_program(PROGRAM)
