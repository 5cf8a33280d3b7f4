"""Trains the model of a pretraining and builds the encoder from it."""

import functools

import keras

from tl_keras.jobs.pretrain.episodes import held_out_tasks, training_tasks
from tl_keras.models.backbones.standardised import standardise
from tl_keras.models.episodic.episodic_model import EpisodicModel
from tl_keras.models.gan.collapse import gan_guards
from tl_keras.models.gan.gan import METRICS
from tl_keras.models.gan.inputs import training_input
from tl_keras.models.steps.counted_epochs import CountedEpochs
from tl_keras.models.steps.rgb_inputs import chain_on_rgb
from tl_keras.settings.methods import ADVERSARIAL, EPISODES, LATENT
from tl_keras.training.checkpoints.fitting import fit as recorded_fit
from tl_keras.training.fine_tuning.inputs import random_part
from tl_keras.training.time_limit import CosineOverTime
from tl_keras.training.whole.on_episodes import fit_on_episodes
from tl_keras.training.whole.without_labels import fit_without_labels

_STANDARDISED_BY = 2000  # images that give the mean and variance of the features


def fit(config, model, data, plan, callbacks):
    """Trains a model and keeps the best epoch of an `Autoencoder` or `VAE`, else the last one.

    The losses of a GAN, of methods with two views and of episodes do not measure the quality of
    images or features.

    Args:
        config: `PretrainSettings`.
        model: from `build_model`.
        data: `PretrainData`.
        plan: `Plan`.
        callbacks: Keras callbacks.

    Returns:
        History with `phases` and `best_epoch` (from 0).
    """
    callbacks = list(callbacks)
    settings = {"epochs": plan.epochs, "batch_size": plan.batch_size, "verbose": 0}
    family = config.row.family
    if family is ADVERSARIAL:
        history = _fit_adversarial(model, data.train, callbacks, settings)
    else:
        settings["lr"] = config.lr
        if config.row.takes_backbone:
            settings["augment"] = plan.augment
        if config.minutes is not None:
            settings["schedule"] = "constant"
            callbacks.append(CosineOverTime(60 * config.minutes))
        if family is LATENT:
            best = keras.callbacks.EarlyStopping(
                "val_loss", patience=plan.epochs + 1, restore_best_weights=True
            )
            callbacks.insert(0, best)
        if family is EPISODES:
            history = fit_on_episodes(
                model,
                training_tasks(model, data),
                held_out_tasks(model, data.val, config.seed),
                episodes=plan.episodes,
                callbacks=callbacks,
                **settings,
            )
        else:
            settings["seed"] = config.seed
            history = fit_without_labels(
                model, data.train, data.val, callbacks=callbacks, **settings
            )
    history.best_epoch = best.best_epoch if family is LATENT else history.epoch[-1]
    history.phases = [{"name": "pretraining", "start": 0, "end": len(history.epoch)}]
    return history


def _fit_adversarial(model, train, callbacks, settings):
    """`GAN.fit` on the pipeline of `train`, which a resumed run enters where it was stopped."""
    batch_size = settings.pop("batch_size")
    arguments, some = training_input(model, train, None, batch_size)
    del arguments["x"]

    def batches():
        return training_input(model, train, None, batch_size)[0]["x"]

    return recorded_fit(
        model,
        batches,
        name="pretraining",
        callbacks=[*gan_guards(METRICS[:2], some), *callbacks],
        run=functools.partial(CountedEpochs.fit, model),
        **arguments,
        **settings,
    )


def encoder_of(model, train, seed):
    """Returns the encoder that classifiers are built on, for RGB, with standardised features.

    The encoder of an autoencoder or a VAE ends at the layer below the codes, whose features are
    more and better for a head.

    Args:
        model: trained, from `build_model`.
        train: `ImageDataset` of training images; some of them give mean and variance.
        seed: int, seed of their choice.

    Returns:
        Functional model, see `standardise`.
    """
    if isinstance(model, EpisodicModel):  # as they are, because their distances have a meaning
        return keras.Model(model.features.input, model.features.output, name="encoder")
    is_latent = hasattr(model, "network")
    features = chain_on_rgb(model.network, is_row=True) if is_latent else model.encoder
    return standardise(features, random_part(train, _STANDARDISED_BY, seed).images)
