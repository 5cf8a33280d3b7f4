"""Callbacks passed to `fit` of models with their own loss."""

import keras
import pytest

from tests.models.gan.small_gans import small_gan
from tests.models.images import blobs
from tests.models.two_views.two_view_models import small_model
from tl_keras import VAE, Autoencoder, SimCLR, fit_without_labels

X = blobs(16)
SMALL = {"input_shape": (8, 8), "latent_dim": 3, "hidden_units": (6,)}
BUILD = {
    "autoencoder": lambda: Autoencoder(**SMALL),
    "vae": lambda: VAE(**SMALL),
    "two views": lambda: small_model(SimCLR),
    "gan": small_gan,
}


class Counter(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.epochs = 0

    def on_epoch_end(self, epoch, logs=None):
        self.epochs += 1


@pytest.mark.parametrize(
    ("name", "form"),
    [
        *((name, "one") for name in BUILD),
        ("autoencoder", "list"),
        ("two views", "tuple"),
        *(
            pytest.param(name, form, marks=pytest.mark.slow)
            for name, form in [("vae", "list"), ("gan", "list"), ("two views", "list")]
            + [("autoencoder", "tuple"), ("vae", "tuple"), ("gan", "tuple")]
        ),
    ],
)
def test_callbacks_are_one_or_several(name, form):
    model, one = BUILD[name](), Counter()
    given = {"one": one, "list": [one], "tuple": (one,)}[form]
    model.compile(**({} if name == "gan" else {"optimizer": "sgd"}), run_eagerly=True)
    model.fit(X, batch_size=16, verbose=0, callbacks=given)
    assert one.epochs == 1


def test_training_without_labels_takes_one_callback_too():
    one = Counter()
    fit_without_labels(BUILD["autoencoder"](), X, epochs=1, verbose=0, callbacks=one)
    assert one.epochs == 1
