"""Training on two views of each image, on the project's pipeline."""

import keras
import numpy as np
import pytest

from tests.models.images import blobs
from tests.models.two_views.two_view_models import small_model
from tl_keras import ImageDataset, SimCLR, SupCon, fit_without_labels, load_model
from tl_keras.checks import InputError
from tl_keras.data.pipelines.two_views import two_view_batches

X = blobs(40)


def test_weights_equal_those_of_plain_fit_on_the_same_views():
    settings = {"epochs": 2, "batch_size": 16, "schedule": "constant", "lr": 0.01, "seed": 4}
    ours, plain = small_model(SimCLR), small_model(SimCLR)
    history = fit_without_labels(ours, X, blobs(20, seed=1), weight_decay=0.0, **settings)
    plain.compile(keras.optimizers.Adam(0.01))
    batches = two_view_batches(
        ImageDataset.from_arrays(X), 16, image_size=(8, 8), seed=4, augment="digits"
    )
    expected = keras.Model.fit(plain, batches, epochs=2, shuffle=False, verbose=0)
    for a, b in zip(ours.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    np.testing.assert_allclose(history.history["loss"], expected.history["loss"], rtol=1e-4)
    assert ours.optimizer.iterations.numpy() == 0 and history.seconds["total"] > 0
    assert {"val_loss", "val_embedding_spread", "embedding_spread"} <= set(history.history)


@pytest.mark.slow
def test_labels_reach_the_method_that_needs_them_and_no_other(tmp_path):
    y = (X.max((1, 2)) > 180).astype(int)
    model = small_model(SupCon)
    history = fit_without_labels(model, (X, y), (X, y), epochs=8, batch_size=20, lr=0.01)
    assert history.history["val_loss"][-1] < history.history["val_loss"][0]
    model.save(tmp_path / "model.keras")
    load_model(tmp_path / "model.keras", compile=True).fit(X, y, verbose=0)
    with_labels, without = small_model(SimCLR), small_model(SimCLR)
    fit_without_labels(with_labels, (X, y), epochs=1, batch_size=20)
    fit_without_labels(without, X, epochs=1, batch_size=20)
    for a, b in zip(with_labels.get_weights(), without.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("method", "settings", "message"),
    [
        (SimCLR, {"batch_size": 1}, "batch_size to be an integer >= 2; received batch_size=1"),
        (SimCLR, {"batch_size": 64}, "at least 64 images, one batch of pairs.*received 40"),
        (SimCLR, {"train": X[:5]}, "at least 8 images, one batch of pairs.*received 5"),
        (SimCLR, {"augment": "none"}, "augment to be one of"),
        (SimCLR, {"val": X[:1]}, "at least 2 images.*received 1"),
        (SupCon, {}, "Expected labels, which SupCon learns from"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(method, settings, message):
    with pytest.raises(InputError, match=message):
        fit_without_labels(small_model(method), **{"train": X, **settings})
