"""Trains the model of a pretraining, and takes from it the encoder that others build on."""

import keras

from tl_keras.models.backbones.standardised import standardise
from tl_keras.models.rgb_inputs import chain_on_rgb
from tl_keras.settings.methods import ADVERSARIAL, LATENT, TWO_VIEWS
from tl_keras.training.fine_tuning.inputs import random_part
from tl_keras.training.time_limit import CosineOverTime
from tl_keras.training.whole.without_labels import fit_without_labels

_STANDARDISED_BY = 2000  # pictures over which the encoder's features are measured


def fit(config, model, data, plan, callbacks):
    """Trains a model; of an `Autoencoder` or `VAE` the best validation epoch is kept.

    Of a GAN and of what learns from two views the last is kept: their losses do not tell how good
    the pictures or the features are.

    Args:
        config: `PretrainSettings`.
        model: of `build_model`.
        data: `PretrainData`.
        plan: `Plan`.
        callbacks: Keras callbacks.

    Returns:
        History with `phases` and `best_epoch` (from 0).
    """
    callbacks = list(callbacks)
    how = {"epochs": plan.epochs, "batch_size": plan.batch_size, "verbose": 0}
    family = config.row.family
    if family is ADVERSARIAL:
        train = data.train
        history = model.fit(train.images, train.labels, callbacks=callbacks, **how)
    else:
        how |= {"seed": config.seed, "lr": config.lr}
        if family is TWO_VIEWS:
            how["augment"] = plan.augment
        if config.minutes is not None:
            how["schedule"] = "constant"
            callbacks.append(CosineOverTime(60 * config.minutes))
        if family is LATENT:
            best = keras.callbacks.EarlyStopping(
                "val_loss", patience=plan.epochs + 1, restore_best_weights=True
            )
            callbacks.insert(0, best)
        history = fit_without_labels(model, data.train, data.val, callbacks=callbacks, **how)
    history.best_epoch = best.best_epoch if family is LATENT else history.epoch[-1]
    history.phases = [{"name": "pretraining", "start": 0, "end": len(history.epoch)}]
    return history


def encoder_of(model, train, seed):
    """Returns what a classifier is built on: an encoder for RGB whose features are of one scale.

    Args:
        model: trained, of `build_model`.
        train: `ImageDataset`, its training pictures; some of them are looked at.
        seed: int, which of them.

    Returns:
        Functional model, see `standardise`. Of an autoencoder or a VAE it ends at the layer below
        the codes: more features, on which a head learns better.
    """
    is_latent = hasattr(model, "network")
    features = chain_on_rgb(model.network, is_row=True) if is_latent else model.encoder
    return standardise(features, random_part(train, _STANDARDISED_BY, seed).images)
