"""Small trainings of every kind, run as a program under one way of distribution.

python -m tests.training.distribution.trained_kinds WAY OUT.npz KIND...

WAY is mirrored, multiworker or, on one device, a number format. After training each model is saved,
loaded and saved again.
"""

import contextlib
import sys

import keras
import numpy as np
import tensorflow as tf

import tl_keras
from tests.models.images import blobs
from tests.models.two_views.two_view_models import small_encoder, small_model
from tests.training.small_models import coloured_images, small_backbone
from tl_keras.training.distribution.strategy import build_strategy

TRAIN, VAL, MORE = coloured_images(32), coloured_images(17, seed=1), coloured_images(16, seed=2)[0]
SETTINGS = {"epochs": 2, "batch_size": 8, "lr": 0.01, "augment": "photos"}
WAYS = {"mirrored": ("mirrored", 2), "multiworker": ("multiworker",)}  # others are number formats


def network(seed=0):
    keras.utils.set_random_seed(seed)
    model = tl_keras.MLP(3, (8, 8))
    model.build((None, 16, 16, 3))
    return model


def classifier_with_cache():
    keras.utils.set_random_seed(0)
    model = tl_keras.build_classifier(small_backbone(dropout=0.0), 3, head="linear")
    how = {"refit": True, **SETTINGS, "augment": "flip"}  # last on 50 images, 2 of them left over
    history = tl_keras.fine_tune(model, TRAIN, coloured_images(18, seed=1), **how)
    assert history.from_linear.refit and history.phases
    return model


def baseline():
    keras.utils.set_random_seed(0)
    model = tl_keras.CNN(3)
    tl_keras.fit_from_scratch(model, TRAIN, VAL, **SETTINGS)
    return model


def autoencoder():
    keras.utils.set_random_seed(0)
    model = tl_keras.Autoencoder((8, 8), 3, hidden_units=(8,))
    tl_keras.fit_without_labels(model, blobs(), blobs(17, seed=1), epochs=2, batch_size=8)
    return model


class QuietVAE(tl_keras.VAE):
    """A VAE without noise, which each replica draws on its own."""

    def _normal(self, shape, seed):
        return tf.zeros(shape)


def vae():
    keras.utils.set_random_seed(0)
    model = QuietVAE((8, 8), 3, hidden_units=(8,))
    tl_keras.fit_without_labels(model, blobs(), blobs(17, seed=1), epochs=2, batch_size=8)
    return model


def gan():
    keras.utils.set_random_seed(0)
    model = tl_keras.GAN((8, 8), latent_dim=4, width=4, seed=0)
    model.compile(keras.optimizers.SGD(0.05))
    batches = tf.data.Dataset.from_tensor_slices(blobs()).batch(8, drop_remainder=True)
    model.fit(batches, epochs=2, verbose=0)
    return model


def two_views():
    keras.utils.set_random_seed(0)  # of the encoder
    model = small_model(tl_keras.SimCLR, encoder=small_encoder(side=16))
    how = {"epochs": 2, "batch_size": 8, "optimizer": "sgd", "lr": 0.01}
    tl_keras.fit_without_labels(model, blobs(side=16), blobs(16, 16, seed=1), **how)
    return model


def pseudo_labels():
    model = network()
    how = {"unlabelled_ratio": 2, "confidence": 0.4, "optimizer": "sgd", "average_decay": 0.5}
    tl_keras.fit_with_pseudo_labels(model, TRAIN, MORE, VAL, **SETTINGS | how | {"batch_size": 24})
    return model


def distillation():
    student, teacher = network(0), network(1)
    tl_keras.distill(student, teacher, TRAIN, VAL, unlabelled=MORE, **SETTINGS)
    return student


def pruning():
    model = network()
    tl_keras.prune(model, 0.8, TRAIN, VAL, prune_epochs=2, weight_decay=0.1, **SETTINGS)
    return model


KINDS = {
    kind.__name__: kind
    for kind in (
        *(classifier_with_cache, baseline, autoencoder, vae, gan, two_views),
        *(pseudo_labels, distillation, pruning),
    )
}


def check_saved(model, path):
    model.save(path)
    loaded = tl_keras.load_model(path)
    for a, b in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    if model.name == "classifier":
        predicted = model.predict(VAL[0], verbose=0)
        assert predicted.dtype == np.float32
        np.testing.assert_array_equal(predicted, loaded.predict(VAL[0], verbose=0))


def main(way, out, *kinds):
    """Trains the kinds and writes {kind/number: array} of their weights."""
    strategy = build_strategy(*WAYS[way]) if way in WAYS else None
    keras.config.set_dtype_policy("float32" if way in WAYS else way)
    found = {}
    for kind in kinds:
        with strategy.scope() if strategy else contextlib.nullcontext():
            model = KINDS[kind]()
            found |= {f"{kind}/{n}": weight for n, weight in enumerate(model.get_weights())}
        if way not in WAYS and kind != "vae":  # a class of the tests is not loaded
            check_saved(model, f"{out}.{kind}.keras")
    np.savez(out, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
