"""Models with a loss of their own refuse arguments without effect."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from tests.models.gan.small_gans import small_gan
from tests.models.images import blobs
from tests.models.two_views.two_view_models import small_model
from tl_keras import VAE, Autoencoder, SimCLR, SupCon
from tl_keras.checks import InputError

X, LABELS, WEIGHTS = blobs(16), np.arange(16) % 3, np.ones(16, "float32")
SMALL = {"input_shape": (8, 8), "latent_dim": 3, "hidden_units": (6,)}
BUILD = {
    "autoencoder": lambda: Autoencoder(**SMALL),
    "vae": lambda: VAE(**SMALL, likelihood="bernoulli"),
    "gan": small_gan,
    "simclr": lambda: small_model(SimCLR),
    "supcon": lambda: small_model(SupCon),
}


@functools.cache
def kept(name):
    """One model for all tests, since none trains it."""
    return BUILD[name]()


@pytest.fixture(params=BUILD)
def model(request):
    built = kept(request.param)
    built.compile(run_eagerly=True)
    return built


@pytest.mark.parametrize(
    "given",
    [
        {"loss": "mse"},
        {"metrics": ["mae"]},
        {"weighted_metrics": ["mae"]},
        {"loss_weights": [2.0]},
    ],
    ids=lambda given: next(iter(given)),
)
def test_a_loss_or_metric_is_refused(model, given):
    (name,) = given
    message = f"Expected compile of {type(model).__name__} without {name}: its loss.*Leave it out"
    with pytest.raises(InputError, match=message):
        model.compile("adam", **given)
    model.compile("adam", **dict.fromkeys(given))  # as files and callers with defaults do


def test_a_loss_in_its_usual_place_is_refused():
    with pytest.raises(InputError, match="without loss: its loss.*received loss='mse'"):
        BUILD["vae"]().compile("adam", "mse")


def _data(images, *parts):
    return tf.data.Dataset.from_tensor_slices((images, *parts)).batch(8)


WEIGHTED = {
    "sample_weight": ({"x": X, "y": LABELS, "sample_weight": WEIGHTS}, "sample_weight"),
    "class_weight": ({"x": X, "y": LABELS, "class_weight": {0: 2.0}}, "class_weight"),
    "in the data": ({"x": _data(X, LABELS, WEIGHTS)}, "sample_weight"),
    "beside views": ({"x": _data((X, X), LABELS, WEIGHTS)}, "sample_weight"),
    "of validation": (
        {"x": X, "y": LABELS, "validation_data": (X, LABELS, WEIGHTS)},
        "sample_weight",
    ),
    "in data of validation": (
        {"x": X, "y": LABELS, "validation_data": _data(X, LABELS, WEIGHTS)},
        "sample_weight",
    ),
}


@pytest.mark.parametrize(("given", "name"), WEIGHTED.values(), ids=WEIGHTED)
def test_weights_are_refused_before_training(model, given, name):
    message = f"Expected images without {name}: the loss of {type(model).__name__}.*Leave it out"
    with pytest.raises(InputError, match=message):
        model.fit(**given, verbose=0)
    assert model.optimizer.iterations.numpy() == 0
    if not {"class_weight", "validation_data"} & set(given):
        with pytest.raises(InputError, match=message):
            model.evaluate(**given, verbose=0)


def test_weights_of_a_single_batch_are_refused(model):
    with pytest.raises(InputError, match="Expected images without sample_weight"):
        model.train_on_batch(X, LABELS, sample_weight=WEIGHTS)
