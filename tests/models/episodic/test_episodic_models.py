"""Behaviour shared by the models that learn from episodes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.models.episodic.episodic_models import (
    METHODS,
    episodes,
    glyphs,
    small_encoder,
    small_model,
)
from tl_keras import ImageDataset, load_model
from tl_keras.checks import InputError
from tl_keras.data.pipelines.episode_batches import episode_batches
from tl_keras.data.pipelines.episodes import TaskSampler
from tl_keras.models.episodic.prototypical import PrototypicalNetwork, squared_distances

X, Y = glyphs()
EAGER = {"run_eagerly": True}  # tracing takes longer than a few small steps


def _fit(model, **arguments):
    options = {"batch_size": 2, "episodes_per_epoch": 4, "augment": "none", "verbose": 0}
    return model.fit(X, Y, **options | arguments).history


@pytest.mark.parametrize("method", METHODS)
def test_a_model_learns_saves_and_goes_on_where_it_was(method, tmp_path):
    model = small_model(method)
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), **EAGER)
    before = [v.numpy() for v in model.trainable_variables]
    history = _fit(model, validation_data=(X, Y))
    assert np.isfinite([*history["loss"], *history["val_loss"]]).all()
    assert 0 <= history["val_accuracy"][0] <= 1
    after = [v.numpy() for v in model.trainable_variables]
    assert all((a != b).any() for a, b in zip(before, after, strict=True) if a.size > 1)
    model.save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras", compile=True)
    loaded.run_eagerly = True
    own = {name: value for name, value in model.get_config().items() if name != "encoder"}
    assert own.items() <= loaded.get_config().items() and loaded.epochs_trained == 1
    for each in (model, loaded):
        _fit(each)
    assert int(loaded.optimizer.iterations.numpy()) == 4
    for a, b in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    answers = [each.fit_support(X[:15:5], range(3)).predict(X) for each in (model, loaded)]
    np.testing.assert_array_equal(*answers)


@pytest.mark.parametrize(
    "method",
    [pytest.param(m, marks=() if m is PrototypicalNetwork else pytest.mark.slow) for m in METHODS],
)
def test_plain_fit_on_an_episode_pipeline_trains(method):
    model = small_model(method)
    model.compile(keras.optimizers.SGD(0.05))
    tasks = TaskSampler(3, 1, 2).tasks(ImageDataset.from_arrays(*glyphs(noise=200)))
    batches = episode_batches(
        tasks, image_size=(8, 8), episodes_per_epoch=4, episodes_per_batch=2, augment="none"
    )
    history = model.fit(batches, epochs=3, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    assert len(history["accuracy"]) == 3


@pytest.mark.parametrize("method", METHODS)
def test_labels_of_any_kind_are_given_back(method):
    model = small_model(method)
    with pytest.raises(InputError, match="Call fit_support"):
        model.predict(X)
    names = np.array(["ship", "cat", "dog"])
    assert model.fit_support(X[[0, 5, 10]], names) is model
    assert set(model.predict(X)) <= set(names)
    probabilities = model.predict_proba(X)
    assert probabilities.shape == (30, 3) and list(model.classes) == ["cat", "dog", "ship"]
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)
    with pytest.raises(InputError, match="one label for each of 3 support images"):
        model.fit_support(X[:3], [0, 1])
    with pytest.raises(InputError, match="images of shape"):
        model.fit_support(X[:3, :6], [0, 1, 2])


def test_perfect_prototypes_give_a_hundred_percent():
    """Images of a class are equal, and so are their features."""
    x, y = np.repeat(X[::5], 4, axis=0), np.repeat(range(6), 4)
    for similarity in ("cosine", "euclidean"):
        model = small_model(PrototypicalNetwork, n_way=6, similarity=similarity)
        model.compile(**EAGER)
        assert model.evaluate(x, y, episodes_per_epoch=4, verbose=0, return_dict=True)[
            "accuracy"
        ] == pytest.approx(1)
        assert (model.fit_support(x[::4], y[::4]).predict(x) == y).all()
        assert (model.predict(x, transductive=True) == y).all()


@pytest.mark.parametrize("similarity", ["cosine", "euclidean"])
def test_the_prototypical_loss_equals_a_slow_loop(similarity):
    model = small_model(PrototypicalNetwork, similarity=similarity, k_shot=2)
    model.log_factor.assign(np.log(3.0))
    support, query = episodes(k_shot=2)
    ours = model.losses_of((tf.constant(support), tf.constant(query)), training=False)
    losses, right = [], []
    for shown, asked in zip(support, query, strict=True):
        means = [np.mean(model.encode(shown[c]), axis=0) for c in range(3)]
        for label in range(3):
            for z in model.encode(asked[label]):
                if similarity == "cosine":
                    scores = [3 * z @ m / np.linalg.norm(m) / np.linalg.norm(z) for m in means]
                else:
                    scores = [-3 * ((z - m) ** 2).sum() for m in means]
                losses.append(np.log(np.exp(scores).sum()) - scores[label])
                right.append(np.argmax(scores) == label)
    np.testing.assert_allclose(ours["loss"], np.mean(losses), rtol=1e-4)
    np.testing.assert_allclose(ours["accuracy"], np.mean(right), rtol=1e-6)


def test_in_training_each_image_of_a_class_is_the_support_in_turn():
    encoder = small_encoder(norm=False)  # whose features do not depend on the mode
    model = small_model(PrototypicalNetwork, encoder=encoder)
    three = np.concatenate(episodes(), axis=2)
    turns = [np.roll(three, -start, axis=2) for start in range(3)]
    alone = [
        model.losses_of((tf.constant(t[:, :, :1]), tf.constant(t[:, :, 1:])), training=False)
        for t in turns
    ]
    whole = model.losses_of((tf.constant(three[:, :, :1]), tf.constant(three[:, :, 1:])), True)
    np.testing.assert_allclose(whole["loss"], np.mean([a["loss"] for a in alone]), rtol=1e-5)


def test_an_inductive_answer_does_not_depend_on_other_queries_and_a_transductive_one_does():
    model = small_model(PrototypicalNetwork)
    model.fit_support(X[[0, 5, 10]], [0, 1, 2])
    state = [v.numpy() for v in model.non_trainable_variables]
    whole = model.predict_proba(X)
    np.testing.assert_allclose(model.predict_proba(X[:1]), whole[:1], atol=1e-5)
    transductive = model.predict_proba(X, transductive=True)
    assert np.abs(model.predict_proba(X[:3], transductive=True) - transductive[:3]).max() > 1e-4
    for before, variable in zip(state, model.non_trainable_variables, strict=True):
        np.testing.assert_array_equal(before, variable)  # moving statistics stay


def test_the_squared_distance_of_the_features_ranks_as_the_cosine_network_does():
    model = small_model(PrototypicalNetwork)
    features = model.encode(X)
    np.testing.assert_allclose(np.linalg.norm(features, axis=1), 1, atol=1e-5)
    nearest = squared_distances(tf.constant(features), tf.constant(features[[0, 5, 10]]))
    np.testing.assert_array_equal(
        model.fit_support(X[[0, 5, 10]], [0, 1, 2]).predict(X), np.argmin(nearest, axis=1)
    )


def test_images_in_place_of_episodes_are_refused():
    model = small_model(PrototypicalNetwork)
    model.compile(**EAGER)
    batches = tf.data.Dataset.from_tensor_slices((X[..., None], Y)).batch(4)
    with pytest.raises(InputError, match="Expected episodes"):
        model.fit(batches, verbose=0)
    with pytest.raises(InputError, match="n_way=9 classes; received 6"):
        small_model(PrototypicalNetwork, n_way=9).fit(X, Y)
